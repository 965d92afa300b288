package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"

	"github.com/typelog/typelog/serde/avro"
	"github.com/typelog/typelog/serde/avro/schema"
)

// registered handles random data of every schema that a registry took, and prints what is refused.
func registered(name string) (int, error) {
	file, err := os.Open(name)
	if err != nil {
		return 0, err
	}
	defer file.Close()
	const seed = 20
	r := rand.New(rand.NewPCG(seed, 0))
	lines := bufio.NewScanner(file)
	lines.Buffer(nil, 16<<20)
	n, refused := 0, 0
	for lines.Scan() {
		var line struct {
			Schema string
			Status int
		}
		if err := json.Unmarshal(lines.Bytes(), &line); err != nil {
			return n, err
		}
		if line.Status != 200 {
			continue
		}
		why, err := handle(line.Schema, r)
		if err != nil {
			return n, fmt.Errorf("seed %d: %.300s: %w", seed, line.Schema, err)
		}
		if why != nil {
			refused++
			fmt.Printf("      refused: %v: %.100s\n", why, line.Schema)
			continue
		}
		n++
	}
	fmt.Printf("      %d decoded, %d refused\n", n, refused)
	return n, lines.Err()
}

// random returns nil if there is no datum: an enum or a union may be empty, and there AppendRandom panics.
func random(c *avro.Codec, r *rand.Rand) (datum []byte) {
	defer func() {
		if recover() != nil {
			datum = nil
		}
	}()
	return c.AppendRandom([]byte{}, r)
}

// handle decodes, encodes and prints random data of a schema. why is the reason if the schema is refused.
func handle(text string, r *rand.Rand) (why, err error) {
	s, err := schema.Parse(text, schema.Lenient())
	if err != nil {
		return err, nil
	}
	c, err := avro.NewCodec(s)
	if err != nil {
		return err, nil
	}
	for range 20 {
		datum := random(c, r)
		if datum == nil {
			return errors.New("no datum can be of this schema"), nil
		}
		v, err := c.Decode(datum)
		if err != nil {
			return nil, err
		}
		again, err := c.Append(nil, v)
		if err != nil {
			return nil, err
		}
		line, err := c.ToJSON(datum)
		if err != nil {
			return nil, err
		}
		read, err := c.FromJSON(nil, line)
		if err != nil {
			return nil, fmt.Errorf("%.200s: %w", line, err)
		}
		if !bytes.Equal(read, datum) {
			return nil, fmt.Errorf("%x comes back from JSON as %x", datum, read)
		}
		other, err := c.Decode(again)
		if err != nil || fmt.Sprint(other) != fmt.Sprint(v) {
			return nil, fmt.Errorf("%x comes back as %x: %v", datum, again, err)
		}
	}
	return nil, nil
}
