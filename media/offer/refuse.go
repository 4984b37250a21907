package offer

import (
	"strconv"
	"strings"
)

// whyNot says why none of the streams can run.
func (d *description) whyNot(ours []Codec) error {
	var audio, disabled, encrypted int
	var names []string
	for _, s := range d.media {
		switch {
		case s.media != "audio":
		case s.port == 0:
			audio, disabled = audio+1, disabled+1
		case !s.isAudio():
			audio, encrypted = audio+1, encrypted+1
			names = append(names, short(s.proto))
		default:
			audio++
			for _, c := range s.codecs() {
				names = append(names, short(c.Name))
			}
		}
	}
	const shown = 12
	if len(names) > shown {
		names = append(names[:shown], "...")
	}
	switch audio {
	case 0:
		return refuse("the description has no audio")
	case disabled:
		return refuse("the audio is switched off (port 0)")
	case disabled + encrypted:
		return refuse("audio comes over %s; RTP/AVP, RTP/AVPF, RTP/SAVP and RTP/SAVPF are known here", strings.Join(names, ", "))
	}
	var have []string
	for _, c := range ours {
		have = append(have, short(c.Name))
	}
	return refuse("the peer has %s; this side has %s", list(names), list(have))
}

func list(names []string) string {
	if len(names) == 0 {
		return "no codec known here"
	}
	return strings.Join(names, ", ")
}

// short makes a peer's word fit to be shown.
func short(word string) string {
	const longest = 32
	if len(word) > longest {
		word = word[:longest] + "..."
	}
	if strings.ContainsFunc(word, func(r rune) bool { return r < '!' || r > '~' }) {
		return strconv.Quote(word)
	}
	return word
}
