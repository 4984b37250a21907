package agent

import (
	"encoding/json"
	"fmt"
	"strings"
)

// Intent says what candidates are for (PhoneCall 1.3, template.intent).
type Intent string

// The intents of PhoneCall 1.3; there are no others.
const (
	IntentCall        Intent = "CALL"
	IntentSearch      Intent = "SEARCH"
	IntentHistory     Intent = "HISTORY"
	IntentRedial      Intent = "REDIAL"
	IntentMissed      Intent = "MISSED"
	IntentExactOne    Intent = "EXACT_ONE"
	IntentSaveContact Intent = "SAVE_CONTACT"
	IntentBlock       Intent = "BLOCK"
	IntentNone        Intent = "NONE"
)

func (i Intent) known() bool {
	switch i {
	case IntentCall, IntentSearch, IntentHistory, IntentRedial, IntentMissed,
		IntentExactOne, IntentSaveContact, IntentBlock, IntentNone:
		return true
	}
	return false
}

// SearchScene says where to search and what to show (PhoneCall 1.3,
// SendCandidates.searchScene). It is free text; these values mean something.
type SearchScene string

// The scenes of PhoneCall 1.3. Any other is treated as DEFAULT.
const (
	SceneDefault     SearchScene = "DEFAULT"
	SceneT114Only    SearchScene = "T114ONLY"    // nothing but T114 candidates
	SceneT114Include SearchScene = "T114INCLUDE" // T114 candidates always stay on the list
	SceneT114Direct  SearchScene = "T114DIRECT"  // emergency: as given, never touched by block rules
)

// BlockType is the way a block rule compares (PhoneCall 1.3, BlockNumber).
type BlockType string

// The block types of PhoneCall 1.3; there are no others.
const (
	BlockExact   BlockType = "EXACT"
	BlockPrefix  BlockType = "PREFIX"
	BlockPostfix BlockType = "POSTFIX"
)

func (b BlockType) known() bool { return b == BlockExact || b == BlockPrefix || b == BlockPostfix }

// CallType says how a call is to be made (PhoneCall 1.3, MakeCall.callType).
type CallType string

// The call types of PhoneCall 1.3. Only NORMAL and SPEAKER can be made here.
const (
	CallNormal       CallType = "NORMAL"
	CallSpeaker      CallType = "SPEAKER"
	CallVideo        CallType = "VIDEO"
	CallCallar       CallType = "CALLAR"
	CallGroup        CallType = "GROUP"         // only in a CallRecord
	CallVoiceMessage CallType = "VOICE_MESSAGE" // only in a CallRecord
)

// ErrorCode is the errorCode of MakeCallFailed (PhoneCall 1.3).
type ErrorCode string

// The error codes of PhoneCall 1.3; there are no others.
const (
	NoSystemPermission   ErrorCode = "NO_SYSTEM_PERMISSION"
	CallTypeNotSupported ErrorCode = "CALL_TYPE_NOT_SUPPORTED"
)

// Bool is a truth value that the interface writes as "TRUE" or "FALSE". It
// reads a JSON boolean and any case as well.
type Bool bool

// MarshalJSON implements json.Marshaler.
func (b Bool) MarshalJSON() ([]byte, error) {
	if b {
		return []byte(`"TRUE"`), nil
	}
	return []byte(`"FALSE"`), nil
}

// UnmarshalJSON implements json.Unmarshaler. What is neither true nor false is
// an error.
func (b *Bool) UnmarshalJSON(data []byte) error {
	var v bool
	if json.Unmarshal(data, &v) == nil {
		*b = Bool(v)
		return nil
	}
	var s string
	if err := json.Unmarshal(data, &s); err != nil {
		return err
	}
	switch {
	case strings.EqualFold(s, "TRUE"):
		*b = true
	case strings.EqualFold(s, "FALSE"):
		*b = false
	default:
		return fmt.Errorf(`%q is neither "TRUE" nor "FALSE"`, clip(s))
	}
	return nil
}
