#!/bin/sh
# Writes Asterisk's configuration from the templates in /opt/softphone/etc,
# with addresses and ports from the environment, and runs Asterisk in the
# foreground. Registrations are forgotten at every start, as after a power cut.
set -eu

: "${SIP_ADDRESS:=127.0.0.1}"
: "${SIP_PORT:=5060}"
: "${RTP_MIN:=10000}"
: "${RTP_MAX:=10999}"
: "${TLS_PORT:=5061}"
: "${WS_PORT:=8088}"
: "${WSS_PORT:=8089}"
: "${TLS_CERT:=}"
: "${TLS_KEY:=}"

rm -f /var/lib/softphone/astdb* /etc/asterisk/*.conf
for template in /opt/softphone/etc/*.conf; do
	sed -e "s/@SIP_ADDRESS@/${SIP_ADDRESS}/g" \
		-e "s/@SIP_PORT@/${SIP_PORT}/g" \
		-e "s/@RTP_MIN@/${RTP_MIN}/g" \
		-e "s/@RTP_MAX@/${RTP_MAX}/g" \
		-e "s/@TLS_PORT@/${TLS_PORT}/g" \
		-e "s/@WS_PORT@/${WS_PORT}/g" \
		-e "s/@WSS_PORT@/${WSS_PORT}/g" \
		"$template" >"/etc/asterisk/$(basename "$template")"
done

# Certificate and key, PEM in base64, come from whoever wants TLS.
if [ -n "$TLS_CERT" ]; then
	(
		umask 077
		echo "$TLS_CERT" | base64 -d >/var/lib/softphone/cert.pem
		echo "$TLS_KEY" | base64 -d >/var/lib/softphone/key.pem
	)
else
	sed -i -e '/^; tls begins/,/^; tls ends/d' /etc/asterisk/pjsip.conf /etc/asterisk/http.conf
fi

exec asterisk -f "$@"
