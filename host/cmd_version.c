#include "commands.h"

#include "certificate.h"
#include "json.h"
#include "listener.h"
#include "tls.h"
#include "vm.h"
#include "yaml.h"

#include <stdio.h>

int cmd_version(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    printf("castslice %s\n", CASTSLICE_VERSION);
    printf("  HTTP         libmicrohttpd %s\n", listener_library());
    printf("  TLS          GnuTLS %s\n", tls_library());
    printf("  certificates %s\n", certificate_library());
    printf("  policies     %s\n", vm_library());
    printf("  JSON         cJSON %s\n", json_library());
    printf("  YAML         libyaml %s\n", yaml_library());
    return EXIT_DONE;
}
