package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/typelog/typelog/serde/avro"
	"github.com/typelog/typelog/serde/avro/ocf"
)

// fileCodecs are the codecs that each library has.
var fileCodecs = map[string][]ocf.Codec{
	"java":     {ocf.Null, ocf.Deflate, ocf.Snappy, ocf.Zstandard, ocf.Bzip2},
	"fastavro": {ocf.Null, ocf.Deflate, ocf.Snappy, ocf.Zstandard, ocf.Bzip2},
	"avro":     {ocf.Null, ocf.Deflate, ocf.Snappy, ocf.Zstandard, ocf.Bzip2},
	"node":     {ocf.Null, ocf.Deflate},
}

// fileRows is how often the values of the record stand in a file: enough for several blocks.
const fileRows = 500

// files has a program read container files of ours and write them again in the same codec.
func files(language string, args ...string) func(context.Context, tools) (string, error) {
	return func(ctx context.Context, t tools) (string, error) {
		library := args[len(args)-1]
		if library == "files" {
			library = language
		}
		e, err := aCase{"record", everything, everythingValues}.encode()
		if err != nil {
			return "", err
		}
		for _, codec := range fileCodecs[library] {
			ours, theirs := filepath.Join(t.dir, "ours.avro"), filepath.Join(t.dir, "theirs.avro")
			from := codec
			if codec == ocf.Bzip2 {
				from = ocf.Null // is only read here
			}
			if err := e.writeFile(ours, from); err != nil {
				return "", err
			}
			if err := t.program(ctx, language, append(args, ours, theirs, string(codec))...); err != nil {
				return "", fmt.Errorf("%s: %w", codec, err)
			}
			if err := e.readFile(theirs, codec); err != nil {
				return "", fmt.Errorf("%s: %w", codec, err)
			}
		}
		return fmt.Sprintf("%d codecs, %d data each", len(fileCodecs[library]), fileRows*len(e.data)), nil
	}
}

func (e *encoded) writeFile(name string, codec ocf.Codec) error {
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	defer f.Close()
	w, err := ocf.NewWriter(f, e.codec.Schema(), ocf.WriterOptions{Codec: codec, Meta: map[string][]byte{"origin": []byte("typelog")}})
	if err != nil {
		return err
	}
	for range fileRows {
		for _, d := range e.data {
			if err := w.Append(d); err != nil {
				return err
			}
		}
	}
	return errors.Join(w.Close(), f.Close())
}

func (e *encoded) readFile(name string, codec ocf.Codec) error {
	text, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	r, err := ocf.NewReader(bytes.NewReader(text), ocf.ReaderOptions{})
	if err != nil {
		return err
	}
	if r.Codec() != codec {
		return fmt.Errorf("the file's codec is %s", r.Codec())
	}
	n := 0
	for ; ; n++ {
		datum, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err == nil {
			err = e.equal(e.data[n%len(e.data)], datum)
		}
		if err != nil {
			return fmt.Errorf("datum %d: %w", n, err)
		}
	}
	if n != fileRows*len(e.data) {
		return fmt.Errorf("it wrote %d data, want %d", n, fileRows*len(e.data))
	}
	return nil
}

// singleObjects has Avro for Java read and write messages in single-object encoding.
func singleObjects(ctx context.Context, t tools) (string, error) {
	e, err := aCase{"record", everything, everythingValues}.encode()
	if err != nil {
		return "", err
	}
	fingerprint := e.codec.Schema().Fingerprint64()
	q := question{Name: "record", Schema: e.schema}
	for _, d := range e.data {
		q.Data = append(q.Data, fmt.Sprintf("%x", append(avro.AppendSingleObjectPrefix(nil, fingerprint), d...)))
	}
	in, out := filepath.Join(t.dir, "messages.json"), filepath.Join(t.dir, "answers.json")
	if err := writeJSON(in, []question{q}); err != nil {
		return "", err
	}
	if err := t.program(ctx, "java", "Interop", "messages", in, out); err != nil {
		return "", err
	}
	var answers []answer
	if err := readJSON(out, &answers); err != nil {
		return "", err
	}
	if len(answers) != 1 || answers[0].Error != "" || len(answers[0].Data) != len(e.data) {
		return "", fmt.Errorf("the answer is %+v", answers)
	}
	for i, text := range answers[0].Data {
		var message []byte
		if _, err := fmt.Sscanf(text, "%x", &message); err != nil {
			return "", err
		}
		got, datum, err := avro.SplitSingleObject(message)
		if err != nil {
			return "", err
		}
		if got != fingerprint {
			return "", fmt.Errorf("its fingerprint is %016x, want %016x", got, fingerprint)
		}
		if err := e.equal(e.data[i], datum); err != nil {
			return "", err
		}
	}
	return fmt.Sprintf("%d messages", len(e.data)), nil
}
