/* certificate_files.h - a certificate and its authority as the files ca.crt, ca.key, tls.crt and tls.key. */
#ifndef CASTSLICE_CERTIFICATE_FILES_H
#define CASTSLICE_CERTIFICATE_FILES_H

#include "certificate_make.h"

/* All of them or none into `dir`, which is made when it is missing; keys for the owner's eyes only. A given authority's
 * key, `ca_key_file`, stays where it is; NULL when the authority is new, then ca.key is written too.
 * False and `err` (ERR_SYSTEM, the file first): one is there already and `force` is not given, the ca.key that is there
 * is not `ca_key_file`, or one cannot be written. */
bool certificate_files(const certificate_made *made, const char *ca_key_file, const char *dir, bool force, error *err);

#endif
