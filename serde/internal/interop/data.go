package main

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// A program reads {name, schema, data} and answers {name, data, json, error} for each case: what it decoded, encoded again,
// and, if it can, in Avro's JSON.
type question struct {
	Name   string   `json:"name"`
	Schema string   `json:"schema"`
	Data   []string `json:"data"` // hex
}

type answer struct {
	Name  string   `json:"name"`
	Data  []string `json:"data"`
	JSON  []string `json:"json"`
	Error string   `json:"error"`
}

// data has a program decode and encode every case.
func data(language string, args ...string) func(context.Context, tools) (string, error) {
	return func(ctx context.Context, t tools) (string, error) {
		asked, all, err := questions()
		if err != nil {
			return "", err
		}
		in, out := filepath.Join(t.dir, "cases.json"), filepath.Join(t.dir, "answers.json")
		if err := writeJSON(in, asked); err != nil {
			return "", err
		}
		if err := t.program(ctx, language, append(args, in, out)...); err != nil {
			return "", err
		}
		var answers []answer
		if err := readJSON(out, &answers); err != nil {
			return "", err
		}
		if len(answers) != len(asked) {
			return "", fmt.Errorf("%d answers to %d cases", len(answers), len(asked))
		}
		library := args[len(args)-1]
		if library == "data" {
			library = language
		}
		return judge(library, all, answers)
	}
}

func questions() ([]question, []*encoded, error) {
	var asked []question
	var all []*encoded
	for _, c := range cases() {
		e, err := c.encode()
		if err != nil {
			return nil, nil, err
		}
		e.addRandom()
		q := question{Name: c.name, Schema: c.schema}
		for _, d := range e.data {
			q.Data = append(q.Data, hex.EncodeToString(d))
		}
		asked, all = append(asked, q), append(all, e)
	}
	return asked, all, nil
}

// judge compares the answers; what a library is known not to do must fail as expected.
func judge(library string, all []*encoded, answers []answer) (string, error) {
	values, known := 0, 0
	var faults []error
	for i, e := range all {
		err := e.judge(answers[i])
		if reason := limits[library][e.name]; reason != "" {
			if err == nil {
				faults = append(faults, fmt.Errorf("%s: works, although limits.go says: %s", e.name, reason))
			}
			known++
			continue
		}
		if err != nil {
			faults = append(faults, fmt.Errorf("%s: %w", e.name, err))
		}
		values += len(e.data)
	}
	return fmt.Sprintf("%d cases, %d values; %d cases are beyond it", len(all)-known, values, known), errors.Join(faults...)
}

func (e *encoded) judge(a answer) error {
	if a.Error != "" {
		return fmt.Errorf("it says: %s", a.Error)
	}
	if a.Name != e.name || len(a.Data) != len(e.data) || a.JSON != nil && len(a.JSON) != len(e.data) {
		return fmt.Errorf("the answer is %+v", a)
	}
	for i, ours := range e.data {
		theirs, err := hex.DecodeString(a.Data[i])
		if err != nil {
			return err
		}
		if err := e.equal(ours, theirs); err != nil {
			return err
		}
		if a.JSON == nil || a.JSON[i] == "" { // it has no JSON for this value
			continue
		}
		said, err := e.codec.FromJSON(nil, []byte(a.JSON[i]))
		if err != nil {
			return fmt.Errorf("its JSON %s: %w", a.JSON[i], err)
		}
		if err := e.equal(ours, said); err != nil {
			return fmt.Errorf("its JSON %s: %w", a.JSON[i], err)
		}
	}
	return nil
}

func writeJSON(name string, v any) error {
	text, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return os.WriteFile(name, text, 0o600)
}

func readJSON(name string, v any) error {
	text, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	return json.Unmarshal(text, v)
}
