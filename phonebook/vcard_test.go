package phonebook

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func full() Contact {
	return Contact{
		Token: "8f14e45f-ceea-467f-a8b2-3c2f9d3c1f01", Name: `김민수; "CEO", \n`, ImageURL: "https://example.com/a,b;c.png?x=1:2", Category: "음식점,카페; 친구",
		Road: "서울 중구 세종대로 110; 3층\n\\서쪽", Jibun: "태평로1가 31", Hours: Hours{Open: "2026-11-21T09:00:00", Close: "18:00", Info: "토·일, 공휴일: 휴무\n문의"},
		POI: "poi:1;2", Updated: time.Date(2026, 11, 21, 9, 8, 7, 0, time.UTC),
		Entries: []Entry{
			{Label: Mobile, Number: "010-1234-5678"}, {Label: Company, Number: "+82 2 312 3456,,9", Text: "본사: 3층"}, {Label: Home, Number: "02-1234-5678"},
			{Label: UserDefined, Text: "별장; \"여름\"", Number: "033-123-4567"}, {Label: UserDefined, Number: "119"}, {Number: "sip:kim@example.com;transport=tls"},
			{Label: UserDefined, Text: "집", Number: "tel:+82-10-1111-2222;ext=7"},
		},
	}
}

func TestVCard_RoundTrip(t *testing.T) {
	plain := Contact{Name: "a"}
	long := Contact{Name: strings.Repeat("가나다 ", 40) + "라", Token: "any token"}
	for _, version := range []string{"", VCard3, VCard4} {
		var buf bytes.Buffer
		require.NoError(t, WriteVCard(&buf, []Contact{full(), plain, long}, version))
		text := buf.String()
		for _, line := range strings.Split(strings.TrimSuffix(text, "\r\n"), "\r\n") {
			assert.LessOrEqual(t, len(line), 75, line)
			assert.True(t, strings.ToValidUTF8(line, "") == line, "no character is cut")
		}
		got, problems, format, err := Read(&buf)
		require.NoError(t, err)
		assert.Equal(t, FormatVCard, format)
		assert.Empty(t, problems)
		assert.Equal(t, []Contact{full(), plain, long}, got)
	}
	var ve *VersionError
	assert.ErrorAs(t, WriteVCard(&bytes.Buffer{}, nil, "2.1"), &ve)
}
