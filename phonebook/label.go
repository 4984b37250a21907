package phonebook

import (
	"slices"
	"strings"
)

// Label says what a number of a contact is for (PhoneCall 1.3, Contact.label).
type Label int

// The labels of PhoneCall 1.3. NoLabel is a number nobody labelled.
const (
	NoLabel Label = iota
	Mobile
	Company
	Home
	UserDefined // the user's own word, in Entry.Text
)

// labelNames are the names of PhoneCall 1.3.
var labelNames = [...]string{NoLabel: "", Mobile: "MOBILE", Company: "COMPANY", Home: "HOME", UserDefined: "USER_DEFINED"}

// String returns the name of PhoneCall 1.3, such as "MOBILE"; empty for NoLabel.
func (l Label) String() string {
	if l < 0 || int(l) >= len(labelNames) {
		return ""
	}
	return labelNames[l]
}

// ParseLabel returns the label of that name, in any case; false for what is no
// name of PhoneCall 1.3. The empty name is NoLabel.
func ParseLabel(name string) (Label, bool) {
	for l, n := range labelNames {
		if strings.EqualFold(n, strings.TrimSpace(name)) {
			return Label(l), true
		}
	}
	return NoLabel, false
}

// MarshalText writes the name of PhoneCall 1.3.
func (l Label) MarshalText() ([]byte, error) { return []byte(l.String()), nil }

// UnmarshalText reads the name of PhoneCall 1.3, or a label word.
func (l *Label) UnmarshalText(text []byte) error {
	var ok bool
	if *l, ok = ParseLabel(string(text)); !ok {
		if *l, ok = LabelOf(string(text)); !ok {
			*l = NoLabel
			return &LabelError{Label: string(text)}
		}
	}
	return nil
}

// labelWord returns the label of one word without spaces, folded.
func labelWord(word string) (Label, bool) {
	switch word {
	case "휴대폰", "핸드폰", "휴대전화", "휴대", "핸폰", "모바일", "이동전화", "손전화", "스마트폰", "셀폰", "폰", "아이폰", "개인폰",
		"mobile", "cell", "cellular", "cellphone", "handphone", "smartphone", "iphone", "android", "handy":
		return Mobile, true
	case "회사", "직장", "사무실", "근무처", "업무", "업무용", "오피스", "일터",
		"company", "work", "workplace", "office", "business", "job", "desk":
		return Company, true
	case "집", "자택", "댁", "가정", "홈", "본가", "집전화",
		"home", "house", "residence", "landline":
		return Home, true
	case "userdefined":
		return UserDefined, true
	}
	return NoLabel, false
}

// LabelOf returns the label that free speech means: "집", "회사 전화로", "휴대폰",
// "home", "his mobile number". It is false when no label word is in it.
func LabelOf(freeText string) (Label, bool) {
	folded := fold(freeText)
	if l, ok := labelWord(tight(folded)); ok {
		return l, true
	}
	words := strings.Fields(folded)
	if l, ok := labelWord(bareWord(strings.Join(words, ""))); ok {
		return l, true
	}
	for _, w := range words {
		if l, ok := labelWord(bareWord(w)); ok {
			return l, true
		}
	}
	return NoLabel, false
}

// splitLabel takes a label off the end of a name of several words: "john smith's
// mobile number", "김민수 집". known is false when the last word is none, but could
// be a user's own label.
func splitLabel(name string) (rest, label string, known bool) {
	words := strings.Fields(name)
	if len(words) < 2 {
		return name, "", false
	}
	at := len(words) - 1
	for n := min(maxLabelWords, len(words)-1); n > 0 && !known; n-- {
		_, begins := LabelOf(words[len(words)-n])
		_, whole := LabelOf(strings.Join(words[len(words)-n:], " "))
		if known = begins && whole; known {
			at = len(words) - n
		}
	}
	rest = strings.Join(words[:at], " ")
	for _, s := range []string{"'s", "’s", "의"} {
		rest = strings.TrimSuffix(rest, s)
	}
	return rest, strings.Join(words[at:], " "), known
}

const maxLabelWords = 3 // of a label at the end of a name

// bareWord strips what is said around a label word: 우리집으로 is 집.
func bareWord(w string) string {
	before := []string{"우리", "저희", "내", "제", "my"}
	after := []string{"으로", "로", "에", "은", "는", "을", "를", "의", "요", "쪽", "전화번호", "번호", "전화", "연락처", "phone", "number", "s"}
	for {
		if _, ok := labelWord(w); ok {
			return w
		}
		rest := w
		for _, p := range before {
			rest = strings.TrimPrefix(rest, p)
		}
		at := slices.IndexFunc(after, func(s string) bool { return strings.HasSuffix(rest, s) })
		if at >= 0 {
			rest = strings.TrimSuffix(rest, after[at])
		}
		if rest == w {
			return w
		}
		w = rest
	}
}
