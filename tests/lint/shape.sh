#!/bin/sh
# How long our functions are, next to code that is admired. Counts a function from its `{` to its `}` in column one.
#   usage: shape.sh DIR
awk '
    /^{/  { start = FNR }
    /^}/  { if (start) { n = FNR - start - 1; length_of[++count] = n; print n "\t" FILENAME ":" start; start = 0 } }
' "${1:-host}"/*.c | sort -n | awk -F '\t' '
    { n[NR] = $1; where[NR] = $2 }
    function at(q) { return n[int(q * (NR - 1)) + 1] }
    END {
        short = 0; for (i = 1; i <= NR; i++) short += n[i] <= 50
        printf "%-22s %9s %6s %5s %5s %8s %6s\n", "lines of a function", "functions", "median", "p75", "p90", "longest", "<=50"
        printf "%-22s %9d %6d %5d %5d %8d %5.0f%%   %s\n", "CastSlice", NR, at(.5), at(.75), at(.9), n[NR], 100 * short / NR, where[NR]
        printf "%-22s %9d %6d %5d %5d %8d %5.0f%%\n", "Lua 5.4", 1290, 10, 16, 27, 773, 97
        printf "%-22s %9d %6d %5d %5d %8d %5.0f%%\n", "lighttpd mod_magnet", 142, 14, 27, 59, 188, 88
        printf "%-22s %9d %6d %5d %5d %8d %5.0f%%\n", "beanstalkd", 187, 13, 24, 37, 564, 94
    }'
