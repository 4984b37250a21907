package phone

import "github.com/softphone-go/softphone/media/quality"

// sounds is how the calls sound that are answered.
func (p *Phone) sounds() []quality.Call {
	var out []quality.Call
	for _, c := range p.dialer.Lines() {
		out = append(out, c.Quality())
	}
	return out
}
