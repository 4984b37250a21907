package phonebook

import (
	"strconv"
	"strings"
	"unicode"
)

type columnKind int

const (
	colUnknown columnKind = iota
	colIgnored            // says nothing of its own
	colName
	colGiven
	colMiddle
	colFamily
	colPrefix
	colSuffix
	colFileAs
	colOrg
	colNick
	colToken
	colImage
	colCategory
	colGroups // several, as Google and Outlook have them
	colRoad
	colFormatted // address in one text beside its parts
	colAddress
	colJibun
	colOpens
	colCloses
	colInfo
	colPOI
	colNumber
	colLabel
	colText
)

// Families of columns that number the numbers.
const (
	familyOwn    = "own"
	familyGoogle = "google"
)

// Parts of an address.
const (
	partStreet = iota
	partCity
	partRegion
	partCode
	partCountry
	partBox
	partExtended
)

// addressFamilies are the addresses of Google and of Outlook, the one to take
// first; all of them have columns of their own.
var addressFamilies = [...]string{"1", "home", "business", "other", "2", "3", "4", "5"}

// column is what a heading means.
type column struct {
	title  string
	kind   columnKind
	family string // of numbers and addresses that are told apart
	n      int    // number of the family, or part of an address
	label  Label
	text   string
}

func (c column) isName() bool {
	switch c.kind {
	case colName, colGiven, colFamily, colFileAs, colOrg:
		return true
	default:
		return false
	}
}

func columnsOf(header []string) []column {
	out := make([]column, len(header))
	named := false
	for i, title := range header {
		out[i] = columnOf(title)
		named = named || out[i].kind == colFamily
	}
	for i := range out {
		// 이름 is the whole name, but in Outlook's files, where 성 stands beside it.
		if named && fold(out[i].title) == "이름" {
			out[i].kind = colGiven
		}
	}
	return out
}

// columnOf reads one heading. Case, spaces and signs do not count.
func columnOf(title string) column {
	c := column{title: strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, title)}
	key := tight(fold(title))
	if kind, ok := plainColumn(key); ok {
		c.kind = kind
		return c
	}
	if c.numbered(key) || c.outlook(key) || c.address(key) {
		return c
	}
	return c
}

// plainColumn is for headings that stand alone.
func plainColumn(key string) (columnKind, bool) {
	switch key {
	case "name", "fullname", "displayname", "이름", "성명", "상호", "상호명":
		return colName, true
	case "givenname", "firstname":
		return colGiven, true
	case "additionalname", "middlename":
		return colMiddle, true
	case "familyname", "lastname", "surname", "성":
		return colFamily, true
	case "nameprefix", "title", "호칭":
		return colPrefix, true
	case "namesuffix", "suffix":
		return colSuffix, true
	case "fileas":
		return colFileAs, true
	case "organization1name", "organizationname", "company", "회사", "회사명":
		return colOrg, true
	case "nickname", "별명":
		return colNick, true
	case "token":
		return colToken, true
	case "photo", "imageurl", "image", "사진":
		return colImage, true
	case "category", "업종", "분류", "카테고리":
		return colCategory, true
	case "categories", "groupmembership", "labels", "범주", "그룹":
		return colGroups, true
	case "roadaddress", "address", "도로명주소", "주소":
		return colRoad, true
	case "address1formatted":
		return colFormatted, true
	case "jibunaddress", "지번주소", "지번":
		return colJibun, true
	case "opens", "open", "영업시작":
		return colOpens, true
	case "closes", "close", "영업종료":
		return colCloses, true
	case "hours", "businesshours", "영업시간":
		return colInfo, true
	case "poiid", "poi":
		return colPOI, true
	case "address1type", "address1label", "priority", "private", "sensitivity", "initials":
		return colIgnored, true // of parts kept elsewhere, or of the program that wrote it
	}
	return colUnknown, false
}

// numbered reads "Number 1", "Label 1", "Label Text 1" (our own), "Phone 1 -
// Value", "Phone 1 - Type" and "Phone 1 - Label" (Google).
func (c *column) numbered(key string) bool {
	head := strings.TrimRightFunc(key, unicode.IsDigit)
	n, err := strconv.Atoi(key[len(head):])
	if err == nil {
		switch head {
		case "number", "phone", "전화번호", "번호":
			c.kind, c.family, c.n = colNumber, familyOwn, n
		case "label", "라벨", "구분":
			c.kind, c.family, c.n = colLabel, familyOwn, n
		case "labeltext":
			c.kind, c.family, c.n = colText, familyOwn, n
		default:
			return false
		}
		return true
	}
	rest, ok := strings.CutPrefix(key, "phone")
	if !ok {
		return false
	}
	what := strings.TrimLeftFunc(rest, unicode.IsDigit)
	if n, err = strconv.Atoi(rest[:len(rest)-len(what)]); err != nil {
		return false
	}
	switch what {
	case "value":
		c.kind = colNumber
	case "type", "label":
		c.kind = colLabel
	default:
		return false
	}
	c.family, c.n = familyGoogle, n
	return true
}

// outlook reads the headings that are one number each, "Business Phone 2" too.
func (c *column) outlook(key string) bool {
	head := strings.TrimRightFunc(key, unicode.IsDigit)
	l, text := NoLabel, ""
	switch head {
	case "mobilephone", "mobile", "cellphone", "cell", "휴대폰", "휴대전화", "핸드폰", "휴대폰번호", "휴대전화번호", "핸드폰번호":
		l = Mobile
	case "businessphone", "workphone", "officephone", "회사전화", "회사전화번호", "근무처전화", "근무지전화", "직장전화", "사무실전화":
		l = Company
	case "homephone", "home", "집전화", "집전화번호", "자택전화":
		l = Home
	case "primaryphone", "phone", "phonenumber", "telephone", "tel", "number", "전화", "전화번호", "번호", "연락처", "기본전화":
	case "companymainphone", "carphone", "otherphone", "businessfax", "homefax", "otherfax", "pager", "callback", "assistantsphone",
		"radiophone", "ttytddphone", "isdn", "telex", "fax", "팩스", "기타전화":
		l, text = UserDefined, strings.Join(strings.Fields(strings.TrimRightFunc(c.title, unicode.IsDigit)), " ")
	default:
		return false
	}
	c.kind, c.family, c.label, c.text = colNumber, key, l, text
	return true
}

// address reads "Address 1 - Street" (Google) and "Business Street" (Outlook).
func (c *column) address(key string) bool {
	for _, family := range addressFamilies {
		for _, start := range []string{family, "address" + family} {
			part, ok := strings.CutPrefix(key, start)
			if !ok {
				continue
			}
			n, ok := addressPart(part)
			if !ok {
				continue
			}
			c.kind, c.family, c.n = colAddress, family, n
			return true
		}
	}
	return false
}

func addressPart(key string) (int, bool) {
	switch key {
	case "street":
		return partStreet, true
	case "city":
		return partCity, true
	case "region", "state":
		return partRegion, true
	case "postalcode":
		return partCode, true
	case "country", "countryregion":
		return partCountry, true
	case "pobox", "addresspobox":
		return partBox, true
	case "extendedaddress", "street2":
		return partExtended, true
	}
	return 0, false
}
