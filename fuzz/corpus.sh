#!/bin/sh
# Fills fuzz/corpus with the shipped maps, the wrong maps of the tests and the fixtures, as seeds.
set -eu
cd "$(dirname "$0")/.."
copy() { # target, ending, folders
    target=$1 ending=$2
    shift 2
    mkdir -p "fuzz/corpus/$target"
    find "$@" -type f -name "*.$ending" | while read -r file; do
        cp "$file" "fuzz/corpus/$target/$(echo "$file" | tr / _)"
    done
}
copy mapping_file yaml mappings tests/mapping_errors/cases
copy record_body json tests/fixtures
