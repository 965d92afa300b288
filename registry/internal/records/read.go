package records

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/typelog/typelog/registry/internal/model"
	"github.com/typelog/typelog/registry/internal/store"
)

// MaxLine bounds a line in bytes: a schema of the largest size, escaped, twice, with room for its metadata.
const MaxLine = 16 << 20

// Error is a line that cannot be read.
type Error struct {
	Line   int
	Reason string
}

// Error names the line.
func (e *Error) Error() string { return fmt.Sprintf("line %d: %s", e.Line, e.Reason) }

// Staged is a change with the line that it comes from.
type Staged struct {
	store.Change
	Line int
}

// Read replays records in the order of the lines, as a registry does that starts, and returns what is there in the end, in
// the order of the last change of each. An error is an *Error, or r's own.
func Read(r io.Reader) ([]Staged, error) {
	s := stage{at: map[any]int{}, numbers: map[model.Subject][]int32{}}
	in := bufio.NewReaderSize(r, 64<<10)
	for number := 1; ; number++ {
		text, err := readLine(in)
		if errors.Is(err, errLong) {
			return nil, &Error{number, fmt.Sprintf("it has more than %d bytes", MaxLine)}
		}
		if err != nil && err != io.EOF {
			return nil, err
		}
		s.line = number
		if trimmed := bytes.TrimSpace(text); len(trimmed) > 0 {
			if reason := s.record(trimmed); reason != nil {
				return nil, &Error{number, reason.Error()}
			}
		}
		if err == io.EOF {
			return s.result(), nil
		}
	}
}

var errLong = errors.New("too long")

func readLine(in *bufio.Reader) ([]byte, error) {
	var out []byte
	for {
		part, err := in.ReadSlice('\n')
		if out = append(out, part...); len(out) > MaxLine {
			return nil, errLong
		}
		if err != bufio.ErrBufferFull {
			return out, err
		}
	}
}

// stage is what the records read so far have made.
type stage struct {
	line    int
	changes []Staged // those that were replaced have no Change
	at      map[any]int
	numbers map[model.Subject][]int32 // of all versions ever put
}

type versionKey struct {
	subject model.Subject
	number  int32
}

type (
	configKey  struct{ subject model.Subject }
	modeKey    struct{ subject model.Subject }
	contextsAt struct{ name string }
)

func (s *stage) put(key any, c store.Change) {
	s.drop(key)
	s.at[key] = len(s.changes)
	s.changes = append(s.changes, Staged{c, s.line})
}

func (s *stage) drop(key any) {
	if i, ok := s.at[key]; ok {
		s.changes[i].Change = nil
		delete(s.at, key)
	}
}

func (s *stage) version(k versionKey) (store.PutVersion, bool) {
	if i, ok := s.at[k]; ok {
		put, ok := s.changes[i].Change.(store.PutVersion)
		return put, ok
	}
	return store.PutVersion{}, false
}

func (s *stage) result() []Staged {
	return slices.DeleteFunc(s.changes, func(c Staged) bool { return c.Change == nil })
}

// split takes a line apart: {"key":…,"value":…} with objects or with texts of JSON, kcat's form of the same, which has
// payload for value, or key and value with a tab between them, as Kafka's console consumer prints them.
func split(text []byte) (key, value []byte, err error) {
	if k, v, ok := bytes.Cut(text, []byte("\t")); ok && json.Valid(k) {
		return k, bytes.TrimSpace(v), nil
	}
	var both struct{ Key, Value, Payload json.RawMessage }
	if err := json.Unmarshal(text, &both); err != nil {
		return nil, nil, fmt.Errorf(`it is neither {"key":…,"value":…} nor KEY, a tab, and VALUE: %v`, err)
	}
	if both.Value == nil {
		both.Value = both.Payload
	}
	if key, err = unquote(both.Key); err == nil {
		value, err = unquote(both.Value)
	}
	if len(key) == 0 && err == nil {
		err = errors.New("it has no key")
	}
	return key, value, err
}

// unquote returns the JSON in a text of JSON.
func unquote(raw json.RawMessage) ([]byte, error) {
	if len(raw) == 0 || raw[0] != '"' {
		return raw, nil
	}
	var text string
	err := json.Unmarshal(raw, &text)
	return []byte(text), err
}

func (s *stage) record(text []byte) error {
	rawKey, value, err := split(text)
	if err != nil {
		return err
	}
	var key struct {
		subjectKey
		Tenant  string `json:"tenant"`
		Context string `json:"context"`
	}
	if err := json.Unmarshal(rawKey, &key); err != nil {
		return fmt.Errorf("its key: %v", err)
	}
	if len(value) == 0 || string(value) == "null" {
		value = nil
	}
	subject := model.ParseSubject(key.Subject)
	switch key.Type {
	case keySchema:
		return s.schema(versionKey{subject, key.Version}, value)
	case keyConfig:
		if value == nil {
			s.drop(configKey{subject})
			return nil
		}
		var v configValue
		if err := json.Unmarshal(value, &v); err != nil {
			return fmt.Errorf("its value: %v", err)
		}
		v.DefaultMetadata.Canonical()
		v.OverrideMetadata.Canonical()
		s.put(configKey{subject}, store.PutConfig{Subject: subject, Config: model.Config(v.configBody)})
	case keyMode:
		return s.mode(subject, value)
	case keyDelete:
		return s.deleteSubject(subject, value)
	case keyClear:
		for _, number := range s.numbers[subject] {
			if put, ok := s.version(versionKey{subject, number}); ok && put.Version.Deleted && value != nil {
				s.drop(versionKey{subject, number})
			}
		}
	case keyContext:
		return s.context(key.Context, value)
	case keyNoop:
	default:
		return fmt.Errorf("unknown keytype %q", key.Type)
	}
	return nil
}

func (s *stage) schema(k versionKey, value []byte) error {
	if value == nil {
		s.drop(k)
		return nil
	}
	var v schemaValue
	if err := json.Unmarshal(value, &v); err != nil {
		return fmt.Errorf("its value: %v", err)
	}
	if v.Subject == "" {
		v.Subject = string(k.subject)
	}
	version := v.version()
	switch {
	case version.Subject != k.subject || version.Number != k.number:
		return errors.New("key and value name different versions")
	case version.Number < 1 || version.ID < 0:
		return fmt.Errorf("version %d with id %d cannot be", version.Number, version.ID)
	case !version.Schema.Type.Known():
		return fmt.Errorf("unknown schemaType %q", version.Schema.Type)
	}
	s.put(k, store.PutVersion{Version: version, Given: v.Given})
	if !slices.Contains(s.numbers[k.subject], k.number) {
		s.numbers[k.subject] = append(s.numbers[k.subject], k.number)
	}
	return nil
}

func (s *stage) mode(subject model.Subject, value []byte) error {
	if value == nil {
		s.drop(modeKey{subject})
		return nil
	}
	var v modeValue
	if err := json.Unmarshal(value, &v); err != nil {
		return fmt.Errorf("its value: %v", err)
	}
	mode, ok := model.ParseMode(string(v.Mode))
	if !ok {
		return fmt.Errorf("unknown mode %q", v.Mode)
	}
	s.put(modeKey{subject}, store.PutMode{Subject: subject, Mode: mode})
	return nil
}

// deleteSubject deletes softly what was there up to a version.
func (s *stage) deleteSubject(subject model.Subject, value []byte) error {
	if value == nil {
		return nil
	}
	var v deleteValue
	if err := json.Unmarshal(value, &v); err != nil {
		return fmt.Errorf("its value: %v", err)
	}
	for _, number := range s.numbers[subject] {
		k := versionKey{subject, number}
		if put, ok := s.version(k); ok && number <= v.Version && !put.Version.Deleted {
			gone := *put.Version
			gone.Deleted = true
			put.Version = &gone
			s.changes[s.at[k]].Change = put
		}
	}
	return nil
}

func (s *stage) context(name string, value []byte) error {
	if value == nil {
		s.drop(contextsAt{name})
		return nil
	}
	var v contextValue
	if err := json.Unmarshal(value, &v); err != nil {
		return fmt.Errorf("its value: %v", err)
	}
	if v.MaxID < 0 || name == "" || name[0] != '.' {
		return fmt.Errorf("context %q with maxId %d cannot be", name, v.MaxID)
	}
	s.put(contextsAt{name}, store.PutContext{Name: name, MaxID: v.MaxID, Listed: !v.Deleted})
	return nil
}
