package api

import (
	"encoding/binary"
	"errors"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/typelog/typelog/broker/internal/log"
	"github.com/typelog/typelog/broker/internal/wire"
)

// A Fetch response is encoded by kmsg with empty records; spliceFetch finds the place of each partition's records in those
// bytes, writes the true length there and puts the log's chunks between, so that they go from the file to the socket. The
// frame, versions 4 to 18:
//
//	throttle time        int32, ms
//	error, session id    int16, int32                  from version 7
//	topics               array of
//	  name               string                        up to version 12
//	  id                 16 bytes                      from version 13
//	  partitions         array of
//	    index, error     int32, int16
//	    high watermark   int64
//	    last stable      int64
//	    log start        int64                         from version 5
//	    aborted          array of producer id, first offset (int64 each), tagged fields from version 12
//	    preferred        int32                         from version 11
//	    records          bytes
//	    tagged fields                                  from version 12
//	  tagged fields                                    from version 12
//	tagged fields                                      from version 12

var errSplice = errors.New("a Fetch response is not encoded as expected")

// spliceFetch encodes resp, whose partitions must have empty records that are not nil; chunks holds those of each partition,
// in the order of the response.
func spliceFetch(resp *kmsg.FetchResponse, chunks [][]log.Chunk) ([]wire.Part, error) {
	frame := resp.AppendTo(nil)
	w := fetchWalker{frameReader: frameReader{b: frame, flexible: resp.IsFlexible()}, version: resp.Version}
	var parts []wire.Part
	done, next := 0, 0
	ok := w.walk(func() {
		at := len(frame) - len(w.b)
		w.nullableBytes()
		if next >= len(chunks) {
			w.bad = true
			return
		}
		run := chunks[next]
		next++
		if len(run) == 0 {
			return // the empty records are right as they are
		}
		var n int64
		for _, c := range run {
			n += c.Len()
		}
		if w.flexible {
			// The length's varint may need more bytes than the one that is there.
			parts = append(parts, wire.Part{Bytes: binary.AppendUvarint(frame[done:at:at], uint64(n)+1)})
			done = at + 1
		} else {
			binary.BigEndian.PutUint32(frame[at:], uint32(n))
			parts = append(parts, wire.Part{Bytes: frame[done : at+4]})
			done = at + 4
		}
		for _, c := range run {
			parts = append(parts, wire.Part{Chunk: c})
		}
	})
	if !ok || next != len(chunks) {
		return nil, errSplice
	}
	return append(parts, wire.Part{Bytes: frame[done:]}), nil
}

// fetchWalker walks an encoded Fetch response.
type fetchWalker struct {
	frameReader
	version int16
}

// walk calls records at the place of each partition's records, which it must read, and reports whether the frame was
// walked to its end.
func (w *fetchWalker) walk(records func()) bool {
	w.take(4)
	if w.version >= 7 {
		w.take(2 + 4)
	}
	for range w.array(1) {
		if w.version >= 13 {
			w.take(16)
		} else {
			w.nullableString()
		}
		for range w.array(1) {
			w.take(4 + 2 + 8 + 8)
			if w.version >= 5 {
				w.take(8)
			}
			for range w.array(1) {
				w.take(8 + 8)
				w.tags()
			}
			if w.version >= 11 {
				w.take(4)
			}
			records()
			w.tags()
		}
		w.tags()
	}
	w.tags()
	return !w.bad && len(w.b) == 0
}
