package record

import (
	"encoding/binary"
	"fmt"
)

// Marker is the one record of a control batch that ends a transaction (KIP-98).
type Marker struct {
	ProducerID       int64
	ProducerEpoch    int16
	CoordinatorEpoch int32
	Commit           bool
	Timestamp        int64 // milliseconds since the epoch
}

const (
	markerAbort  = 0
	markerCommit = 1
)

// Batch encodes the marker as a control batch at base offset 0.
func (m Marker) Batch() Batch {
	var kind uint16 = markerAbort
	if m.Commit {
		kind = markerCommit
	}
	key := binary.BigEndian.AppendUint16(make([]byte, 2, 4), kind)                         // version 0, type
	value := binary.BigEndian.AppendUint32(make([]byte, 2, 6), uint32(m.CoordinatorEpoch)) // version 0, epoch
	b := Builder{
		Producer:      &Producer{ID: m.ProducerID, Epoch: m.ProducerEpoch, Sequence: -1},
		Transactional: true,
		Control:       true,
	}
	b.Add(Record{Timestamp: m.Timestamp, Key: key, Value: value})
	return b.Build()
}

// ParseMarker reads the marker of a control batch whose CRC is known to be right. ok is false for control records of
// other types, which readers skip. The error is ErrCorrupt or, for a batch that is no control batch, ErrInvalid.
func ParseMarker(b Batch) (m Marker, ok bool, err error) {
	a := b.Attributes()
	if !a.Control() || a.Compression() != None {
		return Marker{}, false, fmt.Errorf("%w: attributes %#04x are not those of a control batch", ErrInvalid, uint16(a))
	}
	r := Records{header: b.Header(), data: b.Payload()}
	m = Marker{ProducerID: b.ProducerID(), ProducerEpoch: b.ProducerEpoch()}
	err = r.Walk(func(rec *Record) bool {
		m.Timestamp = rec.Timestamp
		// Later versions only add to the end of key and value (KIP-98).
		if len(rec.Key) < 4 {
			return true
		}
		kind := binary.BigEndian.Uint16(rec.Key[2:])
		if kind > markerCommit || len(rec.Value) < 6 {
			return true
		}
		m.Commit = kind == markerCommit
		m.CoordinatorEpoch = int32(binary.BigEndian.Uint32(rec.Value[2:]))
		ok = true
		return true
	})
	if err != nil {
		return Marker{}, false, err
	}
	return m, ok, nil
}
