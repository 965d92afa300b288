package model

import (
	"io"
	"maps"
	"slices"
	"strings"
	"unicode"
	"unicode/utf16"
)

// RuleSet are the rules that clients carry out when they write and read data of a schema, and between versions. The
// registry keeps them and does not carry them out. Empty lists are nil.
type RuleSet struct {
	Migration []Rule `json:"migrationRules,omitempty"`
	Domain    []Rule `json:"domainRules,omitempty"`
	Encoding  []Rule `json:"encodingRules,omitempty"`
	EnableAt  string `json:"enableAt,omitempty"`
}

// Rule is one rule, with the members that Confluent documents. Tags are sorted and without doubles.
type Rule struct {
	Name      string            `json:"name,omitempty"`
	Doc       string            `json:"doc,omitempty"`
	Kind      string            `json:"kind"`
	Mode      string            `json:"mode"`
	Type      string            `json:"type,omitempty"`
	Tags      []string          `json:"tags,omitempty"`
	Params    map[string]string `json:"params,omitempty"`
	Expr      string            `json:"expr,omitempty"`
	OnSuccess string            `json:"onSuccess,omitempty"`
	OnFailure string            `json:"onFailure,omitempty"`
	Disabled  bool              `json:"disabled"`
	// NoName and NoType: the member was not there, which differs from an empty one in messages.
	NoName bool `json:"-"`
	NoType bool `json:"-"`
}

// What a rule's kind and mode and a set's enableAt may be; the first kind and the last mode are the defaults.
var (
	ruleKinds    = [...]string{"TRANSFORM", "CONDITION"}
	ruleModes    = [...]string{"UPGRADE", "DOWNGRADE", "UPDOWN", "WRITE", "READ", "WRITEREAD"}
	environments = [...]string{"ALL", "CLIENT", "GATEWAY", "SERVER", "NONE"}
)

// RuleKinds lists the kinds of rules.
func RuleKinds() []string { return ruleKinds[:] }

// RuleModes lists the modes of rules.
func RuleModes() []string { return ruleModes[:] }

// Environments lists where rules may be carried out.
func Environments() []string { return environments[:] }

// maxRuleName bounds a rule's name, in UTF-16 units.
const maxRuleName = 256

// Validate refuses a set that clients could not carry out. s may be nil.
func (s *RuleSet) Validate() error {
	if s == nil {
		return nil
	}
	names := map[string]bool{}
	for _, list := range []struct {
		rules []Rule
		modes []string
		wrong string
	}{
		{s.Migration, ruleModes[:3], "Migration rules can only be UPGRADE, DOWNGRADE, UPDOWN"},
		{s.Domain, ruleModes[3:], "Domain rules can only be WRITE, READ, WRITEREAD"},
		{s.Encoding, ruleModes[3:], "Encoding rules can only be WRITE, READ, WRITEREAD"},
	} {
		for _, r := range list.rules {
			if names[r.Name] {
				return Errorf(InvalidRuleSet, "Found rule with duplicate name '%s'", r.Name)
			}
			names[r.Name] = true
			fault := r.fault()
			if fault == "" && !slices.Contains(list.modes, r.Mode) {
				fault = list.wrong
			}
			if fault != "" {
				return Errorf(InvalidRuleSet, "%s", fault)
			}
		}
	}
	return nil
}

func (r Rule) fault() string {
	switch {
	case r.NoName:
		return "Missing rule name"
	case r.Name == "":
		return "Empty rule name"
	case len(utf16.Encode([]rune(r.Name))) > maxRuleName:
		return "Rule name too long"
	}
	for i, c := range r.Name {
		switch {
		case unicode.IsLetter(c) || c == '_':
		case i == 0:
			return "Illegal initial character in rule name: " + r.Name
		case !unicode.IsDigit(c) && c != '-':
			return "Illegal character in rule name: " + r.Name
		}
	}
	if r.NoType {
		return "Missing rule type"
	}
	pairs := r.Mode == "WRITEREAD" || r.Mode == "UPDOWN"
	if !pairs && strings.Contains(r.OnSuccess+r.OnFailure, ",") {
		return "Multiple actions only valid with WRITEREAD and UPDOWN"
	}
	return ""
}

// Merge lays over on top of s; a rule replaces the one with its name. Either may be nil.
func (s *RuleSet) Merge(over *RuleSet) *RuleSet {
	switch {
	case over == nil:
		return s
	case s == nil:
		return over
	}
	out := &RuleSet{Migration: mergeRules(s.Migration, over.Migration), Domain: mergeRules(s.Domain, over.Domain),
		Encoding: mergeRules(s.Encoding, over.Encoding), EnableAt: over.EnableAt}
	if out.EnableAt == "" {
		out.EnableAt = s.EnableAt
	}
	return out
}

func mergeRules(old, over []Rule) []Rule {
	if len(old) == 0 {
		return over
	}
	replaced := map[string]bool{}
	for _, r := range over {
		replaced[r.Name] = true
	}
	kept := slices.DeleteFunc(slices.Clone(old), func(r Rule) bool { return replaced[r.Name] })
	return append(kept, over...)
}

// Without returns a copy of s, which may be nil, without the rules of these names.
func (s *RuleSet) Without(names []string) *RuleSet {
	if s == nil || len(names) == 0 {
		return s
	}
	remove := func(rules []Rule) []Rule {
		kept := slices.DeleteFunc(slices.Clone(rules), func(r Rule) bool { return slices.Contains(names, r.Name) })
		if len(kept) == 0 {
			return nil
		}
		return kept
	}
	return &RuleSet{Migration: remove(s.Migration), Domain: remove(s.Domain), Encoding: remove(s.Encoding), EnableAt: s.EnableAt}
}

// HasType reports whether a rule of s, which may be nil, has a type.
func (s *RuleSet) HasType(name string) bool {
	return s != nil && slices.ContainsFunc(slices.Concat(s.Migration, s.Domain, s.Encoding), func(r Rule) bool { return r.Type == name })
}

// Equal reports whether two sets, either of which may be nil, are the same.
func (s *RuleSet) Equal(o *RuleSet) bool {
	if s == nil || o == nil {
		return s == o
	}
	same := func(a, b []Rule) bool { return slices.EqualFunc(a, b, Rule.equal) }
	return s.EnableAt == o.EnableAt && same(s.Migration, o.Migration) && same(s.Domain, o.Domain) && same(s.Encoding, o.Encoding)
}

func (r Rule) equal(o Rule) bool {
	return r.Name == o.Name && r.Doc == o.Doc && r.Kind == o.Kind && r.Mode == o.Mode && r.Type == o.Type &&
		slices.Equal(r.Tags, o.Tags) && maps.Equal(r.Params, o.Params) && r.Expr == o.Expr && r.OnSuccess == o.OnSuccess &&
		r.OnFailure == o.OnFailure && r.Disabled == o.Disabled
}

// write adds s to a fingerprint.
func (s *RuleSet) write(w io.Writer) {
	for _, r := range slices.Concat(s.Migration, s.Domain, s.Encoding) {
		for _, text := range []string{r.Name, r.Doc, r.Kind, r.Mode, r.Type} {
			io.WriteString(w, text)
		}
		for _, tag := range r.Tags {
			io.WriteString(w, tag)
		}
		for _, k := range slices.Sorted(maps.Keys(r.Params)) {
			io.WriteString(w, k)
			io.WriteString(w, r.Params[k])
		}
		for _, text := range []string{r.Expr, r.OnSuccess, r.OnFailure} {
			io.WriteString(w, text)
		}
		if r.Disabled {
			w.Write([]byte{1})
		}
	}
	io.WriteString(w, s.EnableAt)
}

// String prints s the way it stands in error messages.
func (s *RuleSet) String() string {
	print := func(rules []Rule) string {
		out := make([]string, len(rules))
		for i, r := range rules {
			var params []string
			for _, k := range slices.Sorted(maps.Keys(r.Params)) {
				params = append(params, k+"="+r.Params[k])
			}
			disabled := "false"
			if r.Disabled {
				disabled = "true"
			}
			out[i] = "Rule{name=" + orNull(r.Name) + ", doc=" + orNull(r.Doc) + ", kind=" + r.Kind + ", mode=" + r.Mode +
				", type='" + orNull(r.Type) + "', tags='[" + strings.Join(r.Tags, ", ") + "]', params='{" + strings.Join(params, ", ") +
				"}', expr='" + orNull(r.Expr) + "', onSuccess='" + orNull(r.OnSuccess) + "', onFailure='" + orNull(r.OnFailure) +
				"', disabled='" + disabled + "'}"
		}
		return "[" + strings.Join(out, ", ") + "]"
	}
	return "Rules{migrationRules=" + print(s.Migration) + ", domainRules=" + print(s.Domain) + ", encodingRules=" +
		print(s.Encoding) + ", enableAt=" + orNull(s.EnableAt) + "}"
}

// Attached is what belongs to a schema's content besides its text and references. Either part may be nil.
type Attached struct {
	Metadata *Metadata
	Rules    *RuleSet
}

// Merge lays over on top of a, part by part.
func (a Attached) Merge(over Attached) Attached {
	return Attached{a.Metadata.Merge(over.Metadata), a.Rules.Merge(over.Rules)}
}

// Or is a with the parts that it lacks taken from other.
func (a Attached) Or(other Attached) Attached {
	if a.Metadata == nil {
		a.Metadata = other.Metadata
	}
	if a.Rules == nil {
		a.Rules = other.Rules
	}
	return a
}
