package audio

import (
	"strconv"
	"strings"
	"time"
)

// ToneSet is the tones by which a country's telephone network speaks to its
// users. Where a network plays one of several tones, it is the usual one; where a
// call waiting tone ends by itself, it is repeated here.
type ToneSet struct {
	Country     string // ISO 3166-1 alpha-2, in capitals; empty: the default
	Dial        Tone   // dial now
	Ringback    Tone   // it rings there (ringing tone in E.180)
	Busy        Tone   // they are talking
	Congestion  Tone   // the network has no way there
	CallWaiting Tone   // somebody else calls
}

// TonesOf is the tones of a country by its two letters of ISO 3166-1, in either
// case, after ITU-T E.180 supplement 2 ("Various tones used in national
// networks"). Of a country that is not in it, ok is false and the tones are those
// that E.180 recommends: 425 Hz.
func TonesOf(country string) (set ToneSet, ok bool) {
	country = strings.ToUpper(strings.TrimSpace(country))
	set = defaultTones()
	for row := range strings.Lines(nationalTones) {
		code, tones, _ := strings.Cut(strings.TrimSpace(row), " ")
		if country == "" || code != country {
			continue
		}
		set.Country = code
		into := [...]*Tone{&set.Dial, &set.Ringback, &set.Busy, &set.Congestion, &set.CallWaiting}
		for i, text := range strings.Split(tones, "|") {
			*into[i] = parseTone(text, i)
		}
		return set, true
	}
	return set, false
}

// ToneCountries is the countries that TonesOf knows, in the order of the alphabet.
func ToneCountries() []string {
	var all []string
	for row := range strings.Lines(nationalTones) {
		code, _, _ := strings.Cut(strings.TrimSpace(row), " ")
		all = append(all, code)
	}
	return all
}

// levels in dBm0. E.180 wants tones at -10 dBm0, give or take 5 dB. The precise
// tones of North America, which others took over, are given for each sine on its
// own: -13 for the dial tone, -19 for ringback, -24 for busy and congestion; all
// the sines together are kept at that.
const nominalLevel = -10.0

func preciseLevels() [5]float64 { return [5]float64{-13, -19, -24, -24, -13} }

// defaultTones is what E.180 recommends where a network has the choice.
func defaultTones() ToneSet {
	return ToneSet{
		Dial:        parseTone("425", 0),
		Ringback:    parseTone("425 1/4", 1),
		Busy:        parseTone("425 .5/.5", 2),
		Congestion:  parseTone("425 .25/.25", 3),
		CallWaiting: parseTone("425 .2/.6/.2/3", 4),
	}
}

// parseTone reads one tone of the table: frequencies joined by +, or one that
// swells, "400*25", and its cadence in seconds, on and off in turn.
func parseTone(text string, kind int) Tone {
	frequencies, cadence, _ := strings.Cut(strings.TrimSpace(text), " ")
	t := Tone{Level: nominalLevel}
	carrier, swing, _ := strings.Cut(frequencies, "*")
	t.Modulation, _ = strconv.ParseFloat(swing, 64)
	for hz := range strings.SplitSeq(carrier, "+") {
		f, _ := strconv.ParseFloat(hz, 64)
		t.Frequencies = append(t.Frequencies, f)
	}
	switch carrier {
	case "350+440", "440+480", "480+620":
		t.Level = preciseLevels()[kind]
	}
	if cadence = strings.TrimSpace(cadence); cadence != "" {
		for s := range strings.SplitSeq(cadence, "/") {
			seconds, _ := strconv.ParseFloat(s, 64)
			t.Cadence = append(t.Cadence, time.Duration(seconds*1000+0.5)*time.Millisecond)
		}
	}
	return t
}

// nationalTones: dial | ringback | busy | congestion | call waiting.
const nationalTones = `AE 350+440 | 400+450 .4/.2/.4/2 | 400 .375/.375 | 400 .4/.35/.225/.525 | 440 .4/10
AR 425 | 425 1/4 | 425 .3/.2 | 425 .3/.4 | 425 .4/.2/.4/4
AT 420 | 420 1/5 | 420 .4/.4 | 420 .2/.2 | 420 .04/1.95
AU 425*25 | 400*25 .4/.2/.4/2 | 425 .375/.375 | 425 .375/.375 | 425 .2/.2/.2/4.4
BE 425 | 425 1/3 | 425 .5/.5 | 425 .167/.167 | 1400 .175/.175/.175/3.5
BG 425 | 425 1/4 | 425 .5/.5 | 425 .25/.25 | 425 .15/.15/.15/4
BR 425 | 425 1/4 | 425 .25/.25 | 425 .25/.25/.75/.25 | 425 .05/1
CA 350+440 | 440+480 2/4 | 480+620 .5/.5 | 480+620 .25/.25 | 440 .3/10
CH 425 | 425 1/4 | 425 .5/.5 | 425 .2/.2 | 425 .2/.2/.2/4
CL 400 | 400 1/3 | 400 .5/.5 | 400 .2/.2 | 400 .25/8.75
CN 450 | 450 1/4 | 450 .35/.35 | 450 .7/.7 | 450 .4/4
CZ 425 .33/.33/.66/.66 | 425 1/4 | 425 .33/.33 | 425 .165/.165 | 425 .33/9
DE 425 | 425 1/4 | 425 .48/.48 | 425 .24/.24 | 425 .2/.2/.2/5
DK 425 | 425 1/4 | 425 .5/.5 | 425 .2/.2 | 425 .2/.6/.2/3
EE 425 | 425 1/4 | 425 .3/.3 | 425 .2/.2 | 950 .65/.325/.325/1.3
ES 425 | 425 1.5/3 | 425 .2/.2 | 425 .2/.2/.2/.2/.2/.6 | 425 .175/.175/.175/3.5
FI 425 | 425 1/4 | 425 .3/.3 | 425 .2/.2 | 425 .15/.15/.15/8
FR 440 | 440 1.5/3.5 | 440 .5/.5 | 440 .25/.25 | 440 .3/10
GB 350+440 | 400+450 .4/.2/.4/2 | 400 .375/.375 | 400 .4/.35/.225/.525 | 400 .1/2.5
GR 425 .2/.3/.7/.8 | 425 1/4 | 425 .3/.3 | 425 .2/.2 | 425 .15/.15/.15/8
HK 350+440 | 440+480 .4/.2/.4/3 | 480+620 .5/.5 | 480+620 .25/.25 | 440 .5/.5/.5/8.5
HU 425 | 425 1.25/3.75 | 425 .3/.3 | 425 .3/.3 | 425 .04/1.96
IE 425 | 400+450 .4/.2/.4/2 | 425 .5/.5 | 425 .4/.35/.225/.525 | 425 .18/.2/.2/4.5
IL 414 | 414 1/3 | 414 .5/.5 | 414 .25/.25 | 414 .15/10.15
IN 400*25 | 400*25 .4/.2/.4/2 | 400 .75/.75 | 400 .25/.25 | 400 .2/.1/.2/7.5
IT 425 .2/.2/.6/1 | 425 1/4 | 425 .5/.5 | 425 .2/.2 | 425 .4/.1/.25/.1/.15/14
JP 400 | 400*16 1/2 | 400 .5/.5 | 400 .5/.5 | 400*16 .5/8
KR 350+440 | 440+480 1/2 | 480+620 .5/.5 | 480+620 .3/.2 | 350+440 .25/.25/.25/3.25
LT 425 | 425 1/4 | 425 .35/.35 | 425 .2/.2 | 425 .15/.15/.15/4
MX 425 | 425 1/4 | 425 .25/.25 | 425 .25/.25 | 425 .2/.6/.2/10
MY 425 | 425 .4/.2/.4/2 | 425 .5/.5 | 425 .25/.25 | 425 1/10
NL 425 | 425 1/4 | 425 .5/.5 | 425 .25/.25 | 425 .5/9.5
NO 425 | 425 1/4 | 425 .5/.5 | 425 .2/.2 | 425 .2/.6/.2/10
NZ 400 | 400+450 .4/.2/.4/2 | 400 .5/.5 | 400 .25/.25 | 400 .2/3
PH 425 | 425+480 1/4 | 480+620 .5/.5 | 480+620 .25/.25 | 440 .3/10
PL 425 | 425 1/4 | 425 .5/.5 | 425 .5/.5 | 425 .15/.15/.15/4
PT 425 | 425 1/5 | 425 .5/.5 | 425 .2/.2 | 425 .2/.2/.2/5
RU 425 | 425 .8/3.2 | 425 .4/.4 | 425 .2/.2 | 425 .2/5
SE 425 | 425 1/5 | 425 .25/.25 | 425 .25/.75 | 425 .2/.5/.2/9.1
SG 425 | 425*24 .4/.2/.4/2 | 425 .75/.75 | 425 .25/.25 | 425 .3/.2/.3/3.2
TH 400*50 | 400 1/4 | 400 .5/.5 | 400 .3/.3 | 400 .4/10
TR 450 | 450 2/4 | 450 .5/.5 | 450 .2/.2/.2/.2/.2/.2/.6/.2 | 450 .2/.6/.2/8
TW 350+440 | 440+480 1/2 | 480+620 .5/.5 | 480+620 .25/.25 | 350+440 .25/.25/.25/3.25
US 350+440 | 440+480 2/4 | 480+620 .5/.5 | 480+620 .25/.25 | 440 .3/10
VE 425 | 425 1/4 | 425 .5/.5 | 425 .25/.25 | 400+450 .3/6
ZA 400*33 | 400*33 .4/.2/.4/2 | 400 .5/.5 | 400 .25/.25 | 400*33 .4/4`
