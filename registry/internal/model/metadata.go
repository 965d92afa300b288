package model

import (
	"io"
	"maps"
	"slices"
	"strings"
)

// VersionProperty is the metadata property that the registry itself keeps equal to the version's number, once it was
// set or a version was asked for by number.
const VersionProperty = "confluent:version"

// ReservedProperty is the metadata property that lists, separated by commas, field names that no later version may use.
const ReservedProperty = "confluent:reserved"

// Metadata is what people attach to a schema. Its sets are sorted and without doubles; empty parts are nil.
type Metadata struct {
	Tags       map[string][]string `json:"tags,omitempty"`
	Properties map[string]string   `json:"properties,omitempty"`
	Sensitive  []string            `json:"sensitive,omitempty"`
}

// Canonical sorts m's sets and removes what is empty. It changes m and returns it.
func (m *Metadata) Canonical() *Metadata {
	if m == nil {
		return nil
	}
	for k, v := range m.Tags {
		slices.Sort(v)
		m.Tags[k] = slices.Compact(v)
	}
	slices.Sort(m.Sensitive)
	m.Sensitive = slices.Compact(m.Sensitive)
	if len(m.Tags) == 0 {
		m.Tags = nil
	}
	if len(m.Properties) == 0 {
		m.Properties = nil
	}
	if len(m.Sensitive) == 0 {
		m.Sensitive = nil
	}
	return m
}

// Property returns a property; it is "" and false for a nil m.
func (m *Metadata) Property(name string) (string, bool) {
	if m == nil {
		return "", false
	}
	v, ok := m.Properties[name]
	return v, ok
}

// WithProperty returns a copy of m, which may be nil, with one property set.
func (m *Metadata) WithProperty(name, value string) *Metadata {
	c := Metadata{}
	if m != nil {
		c = *m
	}
	c.Properties = maps.Clone(c.Properties)
	if c.Properties == nil {
		c.Properties = map[string]string{}
	}
	c.Properties[name] = value
	return &c
}

// WithoutProperty returns m or, if it has the property, a copy without it.
func (m *Metadata) WithoutProperty(name string) *Metadata {
	if _, ok := m.Property(name); !ok {
		return m
	}
	c := *m
	c.Properties = maps.Clone(c.Properties)
	delete(c.Properties, name)
	return c.Canonical()
}

// Merge lays over on top of m, member by member; either may be nil.
func (m *Metadata) Merge(over *Metadata) *Metadata {
	switch {
	case over == nil:
		return m
	case m == nil:
		return over
	}
	c := Metadata{Tags: maps.Clone(m.Tags), Properties: maps.Clone(m.Properties)}
	if c.Tags == nil {
		c.Tags = map[string][]string{}
	}
	for k, v := range over.Tags {
		c.Tags[k] = append(slices.Clone(c.Tags[k]), v...)
	}
	if c.Properties == nil {
		c.Properties = map[string]string{}
	}
	maps.Copy(c.Properties, over.Properties)
	c.Sensitive = append(slices.Clone(m.Sensitive), over.Sensitive...)
	return c.Canonical()
}

// Equal reports whether two metadata, either of which may be nil, are the same.
func (m *Metadata) Equal(o *Metadata) bool {
	if m == nil || o == nil {
		return m == o
	}
	return maps.Equal(m.Properties, o.Properties) && slices.Equal(m.Sensitive, o.Sensitive) &&
		maps.EqualFunc(m.Tags, o.Tags, slices.Equal[[]string])
}

func (m *Metadata) write(w io.Writer) {
	for _, k := range slices.Sorted(maps.Keys(m.Tags)) {
		io.WriteString(w, k)
		for _, v := range m.Tags[k] {
			io.WriteString(w, v)
		}
	}
	for _, k := range slices.Sorted(maps.Keys(m.Properties)) {
		io.WriteString(w, k)
		io.WriteString(w, m.Properties[k])
	}
	for _, v := range m.Sensitive {
		io.WriteString(w, v)
	}
}

// String prints m the way it stands in error messages.
func (m *Metadata) String() string {
	var tags, properties []string
	for _, k := range slices.Sorted(maps.Keys(m.Tags)) {
		tags = append(tags, k+"=["+strings.Join(m.Tags[k], ", ")+"]")
	}
	for _, k := range slices.Sorted(maps.Keys(m.Properties)) {
		properties = append(properties, k+"="+m.Properties[k])
	}
	return "Metadata{tags={" + strings.Join(tags, ", ") + "}, properties={" + strings.Join(properties, ", ") +
		"}, sensitive=[" + strings.Join(m.Sensitive, ", ") + "]}"
}
