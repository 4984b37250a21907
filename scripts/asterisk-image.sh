#!/usr/bin/env bash
# Makes the container image of the test PBX, softphone-go/asterisk:22, from
# testdata/asterisk/Dockerfile: on debian:forky-slim where that can be pulled,
# else on a root file system that mmdebstrap makes from Debian's packages.
# With --if-missing it does nothing when the image is there.
set -euo pipefail
cd "$(dirname "$0")/.."

image=softphone-go/asterisk:22
base=softphone-go/asterisk-base:22
suite=forky

fail() {
	echo "asterisk-image: $*" >&2
	exit 1
}

version() { docker run --rm --network none --entrypoint asterisk "$image" -V; }

command -v docker >/dev/null || fail "no docker command; install Docker (Debian: apt-get install docker.io)"
docker info >/dev/null 2>&1 || fail "no Docker daemon answers; start it, or add yourself to the group docker"

if [ "${1:-}" = --if-missing ] && docker image inspect "$image" >/dev/null 2>&1; then
	exit 0
fi

build() { docker build --quiet --network host --build-arg "BASE=$1" --tag "$image" testdata/asterisk >/dev/null; }

if timeout 60 docker pull --quiet "debian:$suite-slim" >/dev/null 2>&1; then
	echo "asterisk-image: building on debian:$suite-slim"
	build "debian:$suite-slim"
else
	echo "asterisk-image: debian:$suite-slim cannot be pulled; building from Debian's packages with mmdebstrap"
	command -v mmdebstrap >/dev/null || fail "no mmdebstrap command (Debian: apt-get install mmdebstrap)"
	work=$(mktemp -d)
	trap 'rm -rf "$work"' EXIT
	mmdebstrap --quiet --variant=minbase \
		--aptopt='Acquire::Check-Valid-Until "false"' \
		--aptopt='Acquire::Retries "3"' \
		--include=asterisk,asterisk-modules,ca-certificates \
		"$suite" "$work/rootfs.tar"
	docker import "$work/rootfs.tar" "$base" >/dev/null
	build "$base"
fi

case "$(version)" in
"Asterisk 22."*) echo "asterisk-image: $image holds $(version)" ;;
*) fail "$image holds $(version), but Asterisk 22 is wanted; Debian $suite has moved on, so set another suite in $0" ;;
esac
