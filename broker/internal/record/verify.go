package record

import "fmt"

// Limits are what Verify holds a batch from a client against.
type Limits struct {
	// MaxBytes bounds the whole batch (max.message.bytes); 0 or less means no bound.
	MaxBytes int
}

// minRecordSize is the shortest record: seven fields of one byte.
const minRecordSize = 7

// Verify checks that b, a partition's records in a Produce request, is exactly one whole batch that a client may send,
// and returns it. It reads the header and the CRC, not the records; Records.Check does that. The result
// aliases b. It allocates nothing unless it fails.
//
// A client's batch begins at offset 0, has as many records as its offsets span, at least one, is no control batch,
// has no attribute that only a broker sets, and numbers its records if it names a producer (KIP-98). Without a producer
// id, epoch and sequence are not looked at: several clients leave zeros there.
func Verify(b []byte, limits Limits) (Batch, error) {
	h, err := parseWhole(b, limits)
	if err != nil {
		return nil, err
	}
	if err := h.checkFromClient(int64(len(b) - HeaderSize)); err != nil {
		return nil, err
	}
	return Batch(b), nil
}

// VerifyStored checks that b is exactly one whole batch as a log may hold it (control batches and gaps in offsets
// included): magic, length, CRC, counts. The result aliases b.
func VerifyStored(b []byte) (Batch, error) {
	h, err := parseWhole(b, Limits{})
	if err != nil {
		return nil, err
	}
	if h.Count < 0 || h.LastOffsetDelta < 0 || int64(h.Count) > int64(h.LastOffsetDelta)+1 {
		return nil, fmt.Errorf("%w: %d records over a last offset delta of %d", ErrCorrupt, h.Count, h.LastOffsetDelta)
	}
	return Batch(b), nil
}

func parseWhole(b []byte, limits Limits) (Header, error) {
	// The magic is looked at before the length: formats v0 and v1 have it in the same place, are shorter than a v2
	// header, and deserve the clearer error.
	if len(b) > atMagic && b[atMagic] != Magic {
		return Header{}, fmt.Errorf("%w: magic %d, only %d is supported", ErrUnsupportedMagic, int8(b[atMagic]), Magic)
	}
	h, err := ParseHeader(b)
	if err != nil {
		return h, err
	}
	if limits.MaxBytes > 0 && (h.Size() > int64(limits.MaxBytes) || len(b) > limits.MaxBytes) {
		return h, fmt.Errorf("%w: %d bytes, the limit (max.message.bytes) is %d",
			ErrTooLarge, max(h.Size(), int64(len(b))), limits.MaxBytes)
	}
	switch {
	case h.Size() > int64(len(b)):
		return h, fmt.Errorf("%w: cut off after %d of %d bytes", ErrCorrupt, len(b), h.Size())
	case h.Size() < int64(len(b)):
		// Apache Kafka refuses this with INVALID_RECORD too: format v2 takes one batch a partition and request.
		return h, fmt.Errorf("%w: %d bytes follow the batch; a partition takes exactly one batch in a request",
			ErrInvalid, int64(len(b))-h.Size())
	}
	if !Batch(b).CheckCRC() {
		return h, fmt.Errorf("%w: CRC-32C is %08x, the header says %08x",
			ErrCorrupt, Checksum(b[CRCStart:], 0), h.CRC)
	}
	return h, nil
}

// checkFromClient holds a header whose CRC is right against what a producer may send; payload is the length of the
// records in bytes.
func (h *Header) checkFromClient(payload int64) error {
	a := h.Attributes
	invalid := func(format string, args ...any) error {
		return fmt.Errorf("%w: %s", ErrInvalid, fmt.Sprintf(format, args...))
	}
	switch {
	case a.Compression() > Zstd:
		return fmt.Errorf("%w: %d", ErrUnknownCompression, a.Compression())
	case a.Control():
		return invalid("clients may not send control batches")
	case a.DeleteHorizon(), a&unknownAttributes != 0:
		return invalid("attributes %#04x have bits that clients may not set", uint16(a))
	case a.AppendTime():
		return fmt.Errorf("%w: a producer may not set the timestamp type to log append time", ErrInvalidTimestamp)
	case h.BaseOffset != 0:
		return invalid("base offset is %d, a producer's batch begins at 0", h.BaseOffset)
	case h.Count <= 0:
		return invalid("%d records", h.Count)
	case h.LastOffsetDelta != h.Count-1:
		return invalid("%d records, but the last offset delta is %d", h.Count, h.LastOffsetDelta)
	case a.Compression() == None && int64(h.Count)*minRecordSize > payload:
		return invalid("%d records cannot lie in %d bytes", h.Count, payload)
	case h.BaseTimestamp < -1, h.MaxTimestamp < -1:
		return fmt.Errorf("%w: negative: base %d, max %d", ErrInvalidTimestamp, h.BaseTimestamp, h.MaxTimestamp)
	case h.ProducerID < -1:
		return invalid("producer id %d", h.ProducerID)
	case h.ProducerID >= 0 && (h.ProducerEpoch < 0 || h.BaseSequence < 0):
		return invalid("producer id %d with epoch %d and base sequence %d; both must be 0 or more",
			h.ProducerID, h.ProducerEpoch, h.BaseSequence)
	case h.ProducerID < 0 && a.Transactional():
		return invalid("transactional without a producer id")
	}
	return nil
}
