#!/bin/sh
# A service that a generation can change: leaves its words where they can be read, or fails when it is asked to.
if [ "${1:-}" = --fail ]; then
	echo "this generation was asked to fail" >&2
	exit 1
fi
echo "$*" >/run/demo.new
mv /run/demo.new /run/demo
