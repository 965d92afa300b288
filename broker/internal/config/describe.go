package config

// Entry is a setting as DescribeConfigs shows it.
type Entry struct {
	Name      string
	Value     *string // nil if it has none, or if it is secret
	Source    Source
	Type      Type
	ReadOnly  bool
	Sensitive bool
	Synonyms  []Synonym // where the value comes from, and what it would be otherwise, in order of precedence
	Doc       string
	Works     bool // it has an effect
}

// Synonym is one place that a value can come from.
type Synonym struct {
	Name   string
	Value  *string
	Source Source
}

func (r *row) entry(v string, from Source) Entry {
	e := Entry{
		Name:      r.name,
		Value:     &v,
		Source:    from,
		Type:      r.typ,
		ReadOnly:  r.flags&readOnly != 0,
		Sensitive: r.flags&secret != 0,
		Doc:       r.doc,
		Works:     r.effect == works,
	}
	if e.Sensitive || from == FromDefault && r.flags&noDefault != 0 {
		e.Value = nil
	}
	return e
}

func (e *Entry) synonym(name, value string, from Source) {
	s := Synonym{Name: name, Source: from}
	if !e.Sensitive {
		s.Value = &value
	}
	e.Synonyms = append(e.Synonyms, s)
}

// Describe lists the broker's settings, by name.
func (b *Broker) Describe() []Entry {
	out := make([]Entry, len(brokerRows))
	for i := range brokerRows {
		r := &brokerRows[i]
		v, set := b.value(r.name)
		from := FromDefault
		if set {
			from = FromBroker
		}
		e := r.entry(v, from)
		if set {
			e.synonym(r.name, v, FromBroker)
		}
		if r.flags&noDefault == 0 {
			e.synonym(r.name, r.def, FromDefault)
		}
		out[i] = e
	}
	return out
}

// DescribeTopic lists the configs of a topic that has these of its own, by name. Configs of its own that are not valid,
// because an older version took them, are shown as they are. Under both names of one config stands what holds.
func (b *Broker) DescribeTopic(own map[string]string) []Entry {
	out := make([]Entry, len(topicRows))
	holds, alias := effective(own)
	for i := range topicRows {
		t := &topicRows[i]
		v, from, _ := b.topicValue(t, holds)
		mine, isOwn := own[t.name]
		if !t.valid(v) {
			v = mine
		}
		e := t.entry(v, from)
		if other, ok := alias[t.name]; ok {
			e.synonym(other, findTopic(other).trimmed(own[other]), FromTopic)
			v = mine
		}
		if isOwn {
			e.synonym(t.name, v, FromTopic)
		}
		for _, f := range t.from {
			if set, ok := b.set[f.name]; ok {
				e.synonym(f.name, set, FromBroker)
			}
		}
		for _, f := range t.from {
			if r := find(brokerRows, f.name); f.listed && r.flags&noDefault == 0 {
				e.synonym(f.name, r.def, FromDefault)
			}
		}
		out[i] = e
	}
	return out
}

// KnowsTopic reports whether there is a topic config of that name, and whether it is a list, which can be added to and
// taken from.
func KnowsTopic(name string) (known, list bool) {
	t := findTopic(name)
	return t != nil, t != nil && t.typ == List
}
