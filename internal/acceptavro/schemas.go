package main

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/typelog/typelog/serde/avro"
	"github.com/typelog/typelog/serde/avro/schema"
)

// schemaCase is an entry of schema-tests.txt.
type schemaCase struct{ input, canonical, fingerprint string }

// schemaCases reads the file's form: <<NAME value, or <<NAME, lines, and NAME alone.
func schemaCases(text string) []schemaCase {
	var cases []schemaCase
	lines := strings.Split(text, "\n")
	for i := 0; i < len(lines); i++ {
		name, ok := strings.CutPrefix(lines[i], "<<")
		if !ok {
			continue
		}
		name, value, _ := strings.Cut(name, " ")
		if value == "" {
			for i++; i < len(lines) && strings.TrimSpace(lines[i]) != name; i++ {
				value += lines[i] + "\n"
			}
		}
		switch value = strings.TrimSpace(value); {
		case name == "INPUT":
			cases = append(cases, schemaCase{input: value})
		case len(cases) == 0:
		case name == "canonical":
			cases[len(cases)-1].canonical = value
		case name == "fingerprint":
			cases[len(cases)-1].fingerprint = value
		}
	}
	return cases
}

func (v vectors) fingerprints() (int, error) {
	text, err := v.read("schema-tests.txt")
	if err != nil {
		return 0, err
	}
	n := 0
	for _, c := range schemaCases(string(text)) {
		s, err := schema.Parse(c.input)
		if err != nil {
			return n, fmt.Errorf("%s: %w", c.input, err)
		}
		if got := s.Canonical(); got != c.canonical {
			return n, fmt.Errorf("%s: the canonical form is %s, want %s", c.input, got, c.canonical)
		}
		n++
		if c.fingerprint == "" {
			continue
		}
		if got := strconv.FormatInt(int64(s.Fingerprint64()), 10); got != c.fingerprint {
			return n, fmt.Errorf("%s: the fingerprint is %s, want %s", c.input, got, c.fingerprint)
		}
		n++
	}
	return n, nil
}

// schemas parses the schemas that stand alone.
func (v vectors) schemas() (int, error) {
	names := []string{"interop.avsc", "reserved.avsc", "weather.avsc", "messageV1/test_schema.avsc", "schemas/simple/schema.json", "schemas/withUnion/schema.json"}
	for i, name := range names {
		s, err := v.schema(name)
		if err != nil {
			return i, err
		}
		again, err := schema.Parse(s.Resolved())
		if err != nil || again.Resolved() != s.Resolved() {
			return i, fmt.Errorf("%s does not come back when it is printed: %v", name, err)
		}
	}
	return len(names), nil
}

func (v vectors) schema(name string) (*schema.Schema, error) {
	text, err := v.read(name)
	if err != nil {
		return nil, err
	}
	s, err := schema.Parse(string(text))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return s, nil
}

// message reads the single-object message that Avro's libraries share, and writes it again.
func (v vectors) message() (int, error) {
	s, err := v.schema("messageV1/test_schema.avsc")
	if err != nil {
		return 0, err
	}
	raw, err := v.read("messageV1/test_message.bin")
	if err != nil {
		return 0, err
	}
	fingerprint, datum, err := avro.SplitSingleObject(raw)
	if err != nil {
		return 0, err
	}
	if fingerprint != s.Fingerprint64() {
		return 0, fmt.Errorf("the message has fingerprint %016x, the schema %016x", fingerprint, s.Fingerprint64())
	}
	c, err := avro.NewCodec(s)
	if err != nil {
		return 0, err
	}
	text, err := c.ToJSON(datum)
	if err != nil {
		return 0, err
	}
	const want = `{"id":42,"name":"Bill","tags":["dog_lover","cat_hater"]}`
	if string(text) != want {
		return 0, fmt.Errorf("the message is %s, want %s", text, want)
	}
	out, err := c.FromJSON(avro.AppendSingleObjectPrefix(nil, s.Fingerprint64()), text)
	if err != nil {
		return 0, err
	}
	if string(out) != string(raw) {
		return 0, fmt.Errorf("the message is written as %x, want %x", out, raw)
	}
	return 1, nil
}
