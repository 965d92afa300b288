package main

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
)

// maxLine bounds a line that is mapped, in bytes; a CloudTrail document of several thousand records fits. A longer
// line comes in parts and goes to the dead letters whole.
const maxLine = 8 << 20

// line is one line of a log, without its line ending (LF or CRLF), or a part of one that is too long.
type line struct {
	number int64 // from 1
	text   []byte
	part   int  // 0: the line is whole; 1, 2, …: a part of one that is too long
	last   bool // the line ends here
}

// lineReader splits a log into lines. A last line without an ending is a line; one that an error interrupts is not.
type lineReader struct {
	in     *bufio.Reader
	number int64
	part   int // of the line that is too long, while within it
	max    int
	rest   []byte // carriage return that could belong to the line's ending
}

// newLineReader reads text or gzip, told apart by how it begins.
func newLineReader(in io.Reader) (*lineReader, error) {
	buffered := bufio.NewReaderSize(in, 256<<10)
	if magic, _ := buffered.Peek(2); bytes.Equal(magic, []byte{0x1f, 0x8b}) {
		unzipped, err := gzip.NewReader(buffered)
		if err != nil {
			return nil, err
		}
		buffered = bufio.NewReaderSize(unzipped, 256<<10)
	}
	return &lineReader{in: buffered, max: maxLine}, nil
}

// next returns the next line or part. Its text is the caller's. io.EOF is the end.
func (r *lineReader) next() (line, error) {
	text := r.rest
	r.rest = nil
	for {
		chunk, err := r.in.ReadSlice('\n')
		text = append(text, chunk...)
		switch {
		case err == nil:
			return r.line(bytes.TrimSuffix(text[:len(text)-1], []byte("\r")), true), nil
		case err == io.EOF && (len(text) > 0 || r.part > 0):
			return r.line(text, true), nil
		case !errors.Is(err, bufio.ErrBufferFull):
			return line{}, err
		case len(text) > r.max:
			if end := len(text) - 1; text[end] == '\r' {
				text, r.rest = text[:end], []byte("\r")
			}
			return r.line(text, false), nil
		}
	}
}

func (r *lineReader) line(text []byte, last bool) line {
	if r.part == 0 {
		r.number++
	}
	if r.part > 0 || !last {
		r.part++
	}
	l := line{number: r.number, text: text, part: r.part, last: last}
	if last {
		r.part = 0
	}
	return l
}

// lineOrError is what a log is read into.
type lineOrError struct {
	line
	err error
}

// readLines reads a log's lines into a channel until its end, an error, or ctx's end. A read of standard input cannot
// be interrupted, so its goroutine may stay behind until the process ends.
func readLines(ctx context.Context, name string) (<-chan lineOrError, error) {
	in := os.Stdin
	if name != stdin {
		var err error
		if in, err = os.Open(name); err != nil {
			return nil, err
		}
	}
	out := make(chan lineOrError, 4)
	go func() {
		defer close(out)
		defer in.Close()
		send := func(l lineOrError) bool {
			select {
			case out <- l:
				return true
			case <-ctx.Done():
				return false
			}
		}
		lines, err := newLineReader(in)
		for err == nil {
			var l line
			if l, err = lines.next(); err == nil && !send(lineOrError{line: l}) {
				return
			}
		}
		if !errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			number := int64(1)
			if lines != nil {
				number = lines.number + 1
			}
			send(lineOrError{err: fmt.Errorf("%s cannot be read on from line %d: %w", name, number, err)})
		}
	}()
	return out, nil
}
