#include "commands.h"

#include "certificate.h"
#include "json.h"
#include "listener.h"
#include "tls.h"
#include "vm.h"
#include "yaml.h"

#include <stdio.h>
#include <string.h>

int cmd_version(int argc, char **argv)
{
    if (argc > 0 && (strcmp(argv[0], "--help") == 0 || strcmp(argv[0], "-h") == 0)) {
        puts("Usage: castslice version\n\nThe version of this program and of the libraries it runs with.");
        return EXIT_DONE;
    }
    if (argc > 0) {
        fprintf(stderr, "castslice version: takes no arguments, not \"%s\"\n", argv[0]);
        return EXIT_CANNOT;
    }
    printf("castslice %s\n", CASTSLICE_VERSION);
    printf("  HTTP         libmicrohttpd %s\n", listener_library());
    printf("  TLS          GnuTLS %s\n", tls_library());
    printf("  certificates %s\n", certificate_library());
    printf("  policies     %s\n", vm_library());
    printf("  JSON         cJSON %s\n", json_library());
    printf("  YAML         libyaml %s\n", yaml_library());
    return EXIT_DONE;
}
