package api

import "time"

// Rule is one block rule.
type Rule struct {
	ID      int64     `json:"id" doc:"0 for the setting that blocks anonymous callers."`
	Type    string    `json:"type" enum:"EXACT,PREFIX,POSTFIX,ANONYMOUS"`
	Pattern string    `json:"pattern" doc:"In the form in which numbers are compared." example:"070"`
	Raw     string    `json:"raw,omitempty" doc:"As it was given." example:"+82 70"`
	Added   time.Time `json:"added,omitzero"`
	By      string    `json:"by,omitempty" doc:"What added it." example:"control"`
}

// RuleList is one page of rules, by ascending id.
type RuleList struct {
	Rules     []Rule `json:"rules" nullable:"false"`
	Total     int    `json:"total" doc:"Rules there are in all."`
	Next      int64  `json:"next,omitempty" doc:"Give it as after= for the next page; absent on the last one."`
	Blockable bool   `json:"blockable" doc:"Whether directives may add another rule (PhoneCall 1.3, numberBlockable)."`
}

// NewRule is a rule to add.
type NewRule struct {
	Type    string    `json:"type" enum:"EXACT,PREFIX,POSTFIX"`
	Pattern string    `json:"pattern" minLength:"1" maxLength:"256" doc:"The number, or its beginning or end, in any spelling." example:"+82 70"`
	Added   time.Time `json:"added,omitzero" doc:"When it was added, if it comes from another phone; now when absent."`
	By      string    `json:"by,omitempty" maxLength:"64" doc:"Who adds it; control when absent."`
	ID      int64     `json:"id,omitempty" doc:"Ignored: an exported rule may be imported as it is."`
	Raw     string    `json:"raw,omitempty" maxLength:"256" doc:"What was typed once; kept as long as it means the same as pattern."`
}

// RuleExport is all rules, by ascending id; RuleImport takes it as it is.
type RuleExport struct {
	Rules []Rule `json:"rules" nullable:"false"`
}

// RuleImport is many rules to add, all or none.
type RuleImport struct {
	Rules []NewRule `json:"rules" nullable:"false"`
	By    string    `json:"by,omitempty" maxLength:"64" doc:"Who adds those that do not say; control when absent."`
}

// RuleImported answers a RuleImport.
type RuleImported struct {
	Added int `json:"added" doc:"Rules that were new."`
	Known int `json:"known" doc:"Rules that were there already, or twice in the list."`
}

// Check says whether a caller would be blocked, and why.
type Check struct {
	Number  string `json:"number" doc:"In the form in which numbers are compared; empty for anonymous callers." example:"07012345678"`
	Kind    string `json:"kind" doc:"How the number was read, in words."`
	Blocked bool   `json:"blocked"`
	Rule    *Rule  `json:"rule,omitempty" doc:"The rule that blocks the caller."`
	Also    []Rule `json:"also,omitempty" doc:"The rules that would if that one were removed."`
	Reason  string `json:"reason" example:"blocked by PREFIX 070 added on 2026-11-21 by cli"`
}
