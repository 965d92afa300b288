package avro

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/typelog/typelog/serde/avro/schema"
)

// maxJSONDepth bounds the nesting of JSON texts.
const maxJSONDepth = 2*DefaultMaxDepth + 64

// parseJSON reads one JSON value, keeping the text of numbers. Unlike encoding/json it refuses what that would silently
// mend or drop: bytes that are no UTF-8, half surrogates, and a member that comes twice.
func parseJSON(text []byte) (schema.Value, error) {
	if !utf8.Valid(text) {
		return schema.Value{}, badJSON("it is not valid UTF-8")
	}
	if halfSurrogate(text) {
		return schema.Value{}, badJSON(`it has half of a surrogate pair (\ud800 to \udfff)`)
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	v, err := parseValue(d, 0)
	if err != nil {
		return schema.Value{}, err
	}
	if _, err := d.Token(); err != io.EOF {
		return schema.Value{}, badJSON("something follows the value")
	}
	return v, nil
}

func badJSON(reason string) *Error { return valueError("invalid JSON: " + reason) }

func nextToken(d *json.Decoder) (json.Token, error) {
	token, err := d.Token()
	switch {
	case err == io.EOF || err == io.ErrUnexpectedEOF:
		return nil, badJSON("it ends too early")
	case err != nil:
		return nil, badJSON(strings.TrimPrefix(err.Error(), "json: "))
	}
	return token, nil
}

func parseValue(d *json.Decoder, depth int) (schema.Value, error) {
	var v schema.Value
	if depth > maxJSONDepth {
		return v, &Error{Reason: "the JSON is nested too deeply", Offset: -1, Kind: ErrLimit}
	}
	token, err := nextToken(d)
	if err != nil {
		return v, err
	}
	switch token := token.(type) {
	case nil:
	case bool:
		v.Kind, v.Bool = schema.JSONBool, token
	case string:
		v.Kind, v.Text = schema.JSONString, token
	case json.Number:
		v.Kind, v.Text = schema.JSONInteger, token.String()
		if strings.ContainsAny(v.Text, ".eE") {
			v.Kind = schema.JSONDecimal
		}
	case json.Delim:
		if token == '[' {
			return parseArray(d, depth)
		}
		return parseObject(d, depth)
	}
	return v, nil
}

func parseArray(d *json.Decoder, depth int) (schema.Value, error) {
	v := schema.Value{Kind: schema.JSONArray}
	for d.More() {
		item, err := parseValue(d, depth+1)
		if err != nil {
			return v, InIndex(err, len(v.Items))
		}
		v.Items = append(v.Items, item)
	}
	_, err := nextToken(d)
	return v, err
}

func parseObject(d *json.Decoder, depth int) (schema.Value, error) {
	v := schema.Value{Kind: schema.JSONObject}
	seen := map[string]bool{}
	for d.More() {
		token, err := nextToken(d)
		if err != nil {
			return v, err
		}
		name, _ := token.(string)
		if seen[name] {
			return v, badJSON(fmt.Sprintf("the member %.60q comes twice", name))
		}
		seen[name] = true
		value, err := parseValue(d, depth+1)
		if err != nil {
			return v, InField(err, name)
		}
		v.Members = append(v.Members, schema.Member{Name: name, Value: value})
	}
	_, err := nextToken(d)
	return v, err
}

// halfSurrogate reports whether a \u escape stands for half of a UTF-16 pair whose other half is missing.
func halfSurrogate(text []byte) bool {
	for i := 0; i < len(text); i++ {
		if text[i] != '\\' {
			continue
		}
		i++ // the escaped character
		switch surrogateHalf(text, i) {
		case 'h':
			if i+5 >= len(text) || text[i+5] != '\\' || surrogateHalf(text, i+6) != 'l' {
				return true
			}
			i += 10
		case 'l':
			return true
		}
	}
	return false
}

// surrogateHalf returns 'h' or 'l' if a high or low half stands at i, as in ud83d.
func surrogateHalf(text []byte, i int) byte {
	if i+4 >= len(text) || text[i] != 'u' || text[i+1]|0x20 != 'd' {
		return 0
	}
	switch n := nibble(text[i+2]); {
	case n >= 8 && n <= 11:
		return 'h'
	case n >= 12 && n <= 15:
		return 'l'
	}
	return 0
}
