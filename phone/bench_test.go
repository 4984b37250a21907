package phone_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/softphone-go/softphone/config"
	"github.com/softphone-go/softphone/phone"
	"github.com/softphone-go/softphone/phonebook"
)

// BenchmarkSendCandidates is one directive over 100,000 contacts, from its JSON
// to the event handed to the journal.
func BenchmarkSendCandidates(b *testing.B) {
	file := config.Default()
	file.SIP.Listen = []string{"udp:127.0.0.1:0"}
	p, err := phone.Open(b.Context(), phone.Config{File: file, StorePath: phone.Memory})
	require.NoError(b, err)
	b.Cleanup(func() { _ = p.Close(context.Background()) })
	families, given := []rune("김이박최정강조윤장임"), []rune("민서예지도윤하은수현우준시유")
	contacts := make([]phonebook.Contact, 100_000)
	for i := range contacts {
		name := []rune{families[i%10], given[i/10%14], given[i/140%14]}
		contacts[i] = phonebook.Contact{Name: fmt.Sprintf("%s %d", string(name), i/1960), Entries: []phonebook.Entry{
			{Label: phonebook.Mobile, Number: fmt.Sprintf("010%08d", i)}, {Label: phonebook.Home, Number: fmt.Sprintf("02%08d", i)},
		}}
	}
	_, err = p.Contacts().Import(b.Context(), contacts)
	require.NoError(b, err)
	require.NoError(b, p.Contacts().Refresh(b.Context())) // or upkeep reads them again meanwhile
	for _, name := range []string{"김민서", "ㄱㅁㅅ", "민서", "김민소"} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			n := 0
			for b.Loop() {
				n++
				m := fmt.Sprintf(`{"header":{"namespace":"PhoneCall","name":"SendCandidates","messageId":"%s-%d","dialogRequestId":"d","version":"1.3"},`+
					`"payload":{"intent":"CALL","recipientIntended":{"name":%q,"label":"집"}}}`, b.Name(), n, name)
				require.NoError(b, p.Agent().Handle(b.Context(), []byte(m)))
			}
		})
	}
}
