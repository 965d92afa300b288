package model

import "strings"

// Subject is the name of a subject in one canonical spelling: the bare name in the default context, and
// ":.context:name" in any other. The name after the context may be empty: ":.context:" then stands for the context
// itself in configurations and modes.
type Subject string

// DefaultContext is the context of subjects that name none. Every context name begins with a dot.
const DefaultContext = "."

// Names with a meaning of their own in configurations and modes.
const (
	// Top is the key of the default context's own configuration and mode (/config and /mode without a subject).
	Top Subject = ""
	// Global is asked after a subject's context, in every context.
	Global Subject = ":.__GLOBAL:"
)

// anyContext is the prefix that means every context, in searches.
const anyContext = ":*:"

// ParseSubject canonicalizes a subject as a client wrote it: ":.:x" is "x", ":.a" is ":.a:". A name that begins with
// a colon but not with ":." is an ordinary name.
func ParseSubject(s string) Subject {
	context, name := split(s)
	return Qualify(context, name)
}

// Qualify is the canonical spelling of name in context.
func Qualify(context, name string) Subject {
	if context == DefaultContext {
		return Subject(name)
	}
	return Subject(":" + context + ":" + name)
}

// In is s in the given context, unless s names a context itself (the /contexts/{context}/... form of a request).
func (s Subject) In(context string) Subject {
	if strings.HasPrefix(string(s), ":.") {
		return s
	}
	return Qualify(context, string(s))
}

// Context is the context that s is in.
func (s Subject) Context() string {
	context, _ := split(string(s))
	return context
}

// Name is s without its context.
func (s Subject) Name() string {
	_, name := split(string(s))
	return name
}

// Scope is the key of the configuration and mode of s's whole context.
func (s Subject) Scope() Subject { return Qualify(s.Context(), "") }

// IsContext reports whether s stands for a whole context and not for a subject in it.
func (s Subject) IsContext() bool { return s.Name() == "" }

func split(s string) (context, name string) {
	if !strings.HasPrefix(s, ":.") {
		return DefaultContext, s
	}
	rest := s[1:]
	if i := strings.IndexByte(rest, ':'); i >= 0 {
		return rest[:i], rest[i+1:]
	}
	return rest, ""
}

// ParseContext canonicalizes the context of a /contexts/{context}/... path: "a", ".a" and ":.a:" are ".a".
func ParseContext(s string) string {
	if strings.HasPrefix(s, ":.") {
		return Subject(s).Context()
	}
	if !strings.HasPrefix(s, ".") {
		return "." + s
	}
	return s
}

// Prefix selects subjects by the beginning of their names, in one context or in all.
type Prefix struct {
	// AllContexts overrides Context.
	AllContexts bool
	Context     string
	Name        string
}

// Everything is the prefix that selects every subject of every context.
func Everything() Prefix { return Prefix{AllContexts: true} }

// ParsePrefix reads a subjectPrefix argument: ":*:" and ":*:b" look into all contexts, ":.c:b" into c, anything else
// into the default context.
func ParsePrefix(s string) Prefix {
	if rest, ok := strings.CutPrefix(s, anyContext); ok {
		return Prefix{AllContexts: true, Name: rest}
	}
	context, name := split(s)
	return Prefix{Context: context, Name: name}
}

// In is p within the given context, unless p names contexts itself.
func (p Prefix) In(context string) Prefix {
	if !p.AllContexts && p.Context == DefaultContext {
		p.Context = context
	}
	return p
}

// Matches reports whether p selects s.
func (p Prefix) Matches(s Subject) bool {
	context, name := split(string(s))
	return (p.AllContexts || context == p.Context) && strings.HasPrefix(name, p.Name)
}

// AnyContext reports whether the subject as written asks for all contexts (":*:name"), and returns the bare name.
func AnyContext(s Subject) (name string, ok bool) { return strings.CutPrefix(string(s), anyContext) }
