package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/typelog/typelog/serde/avro"
	"github.com/typelog/typelog/serde/avro/ocf"
	"github.com/typelog/typelog/serde/avro/schema"
)

// rows reads a container file as lines of JSON.
func rows(file []byte) ([]string, *schema.Schema, error) {
	r, err := ocf.NewReader(bytes.NewReader(file), ocf.ReaderOptions{})
	if err != nil {
		return nil, nil, err
	}
	c, err := avro.NewCodec(r.Schema())
	if err != nil {
		return nil, nil, err
	}
	var lines []string
	for {
		datum, err := r.Next()
		if errors.Is(err, io.EOF) {
			return lines, r.Schema(), nil
		}
		if err != nil {
			return nil, nil, err
		}
		line, err := c.ToJSON(datum)
		if err != nil {
			return nil, nil, err
		}
		lines = append(lines, string(line))
	}
}

// rewrite writes lines of JSON to a container file in each codec, reads them again and wants the same.
func rewrite(s *schema.Schema, lines []string) error {
	c, err := avro.NewCodec(s)
	if err != nil {
		return err
	}
	for _, codec := range []ocf.Codec{ocf.Null, ocf.Deflate, ocf.Snappy, ocf.Zstandard} {
		var file bytes.Buffer
		w, err := ocf.NewWriter(&file, s, ocf.WriterOptions{Codec: codec})
		if err != nil {
			return err
		}
		for _, line := range lines {
			datum, err := c.FromJSON(nil, []byte(line))
			if err == nil {
				err = w.Append(datum)
			}
			if err != nil {
				return fmt.Errorf("%s: %w", codec, err)
			}
		}
		if err := w.Close(); err != nil {
			return err
		}
		again, _, err := rows(file.Bytes())
		if err != nil || !slices.Equal(again, lines) {
			return fmt.Errorf("written with %s, it does not come back: %v", codec, err)
		}
	}
	return nil
}

func (v vectors) weather() (int, error) {
	text, err := v.read("weather.json")
	if err != nil {
		return 0, err
	}
	want := strings.Fields(string(text))
	byTime := slices.Sorted(slices.Values(want))
	n := 0
	for name, expect := range map[string][]string{
		"weather.avro": want, "weather-deflate.avro": want, "weather-snappy.avro": want, "weather-zstd.avro": want,
		"weather-sorted.avro": byTime,
	} {
		file, err := v.read(name)
		if err != nil {
			return n, err
		}
		got, s, err := rows(file)
		if err != nil {
			return n, fmt.Errorf("%s: %w", name, err)
		}
		if err := rewrite(s, got); err != nil {
			return n, fmt.Errorf("%s: %w", name, err)
		}
		if name == "weather-sorted.avro" {
			slices.Sort(got)
		}
		if !slices.Equal(got, expect) {
			return n, fmt.Errorf("%s holds %s, want %s", name, got, expect)
		}
		n++
	}
	return n, nil
}

func (v vectors) files() (int, error) {
	n := 0
	for name, first := range map[string]string{
		"syncInMeta.avro":             "",
		"schemas/simple/data.avro":    `{"text":"hello"}`,
		"schemas/withUnion/data.avro": "",
	} {
		file, err := v.read(name)
		if err != nil {
			return n, err
		}
		got, s, err := rows(file)
		if err != nil {
			return n, fmt.Errorf("%s: %w", name, err)
		}
		if len(got) == 0 || first != "" && got[0] != first {
			return n, fmt.Errorf("%s holds %s", name, got)
		}
		if err := rewrite(s, got); err != nil {
			return n, fmt.Errorf("%s: %w", name, err)
		}
		n++
	}
	return n, nil
}

// refused: the format before Avro 1.3 is named, not guessed at.
func (v vectors) refused() (int, error) {
	file, err := v.read("test.avro12")
	if err != nil {
		return 0, err
	}
	if _, _, err := rows(file); err == nil || !strings.Contains(err.Error(), "before 1.3") {
		return 0, fmt.Errorf("test.avro12: %v", err)
	}
	return 1, nil
}

// interopValue is a value of Avro's interop schema, which has every type.
const interopValue = `{"intField":12,"longField":15234324,"stringField":"hey","boolField":true,"floatField":1234.0,"doubleField":-1234.0,` +
	`"bytesField":"12312adf","nullField":null,"arrayField":[5.0,0.0,12.0],"mapField":{"a":{"label":"a"},"bee":{"label":"cee"}},` +
	`"unionField":{"double":12.0},"enumField":"C","fixedField":"1019181716151413","recordField":{"label":"blah","children":` +
	`[{"label":"inner","children":[]}]}}`

func (v vectors) interop() (int, error) {
	s, err := v.schema("interop.avsc")
	if err != nil {
		return 0, err
	}
	if err := rewrite(s, []string{interopValue, interopValue}); err != nil {
		return 0, err
	}
	return 4, nil
}
