#!/bin/sh
# Writes Asterisk's configuration from the templates in /opt/softphone/etc,
# with addresses and ports from the environment, and runs Asterisk in the
# foreground. Registrations are forgotten at every start, as after a power cut.
set -eu

: "${SIP_ADDRESS:=127.0.0.1}"
: "${SIP_PORT:=5060}"
: "${RTP_MIN:=10000}"
: "${RTP_MAX:=10999}"

rm -f /var/lib/softphone/astdb* /etc/asterisk/*.conf
for template in /opt/softphone/etc/*.conf; do
	sed -e "s/@SIP_ADDRESS@/${SIP_ADDRESS}/g" \
		-e "s/@SIP_PORT@/${SIP_PORT}/g" \
		-e "s/@RTP_MIN@/${RTP_MIN}/g" \
		-e "s/@RTP_MAX@/${RTP_MAX}/g" \
		"$template" >"/etc/asterisk/$(basename "$template")"
done

exec asterisk -f "$@"
