package offer

import "errors"

var ErrNoCommonCodec = errors.New("no common codec")

type ParseError struct {
	Line   int
	Text   string
	Reason string
}

func (e *ParseError) Error() string { return e.Reason }

func (l Local) Offer() ([]byte, error) { return nil, nil }
func (l Local) Answer(remoteOffer []byte) (answer []byte, p Params, err error) {
	return nil, Params{}, nil
}
func (l Local) Accept(ourOffer, remoteAnswer []byte) (Params, error) { return Params{}, nil }
func (l Local) Keep(p Params) Local                                  { return l }
