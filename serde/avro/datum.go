package avro

// Datum is what every type that typelog generates from a schema can do, with a pointer receiver. Typed producers and
// consumers ask for no more than this.
type Datum interface {
	// AppendAvro appends the binary encoding to dst and returns the extended slice. It validates as it goes; on an
	// error (a *Error that names the field's path) the slice is dst as it was, up to its length.
	AppendAvro(dst []byte) ([]byte, error)
	// DecodeAvro sets the value from src, which must hold exactly one datum. See DecodeOptions for who owns what.
	DecodeAvro(src []byte, opts DecodeOptions) error
	// Validate says whether AppendAvro would succeed, with the path of the first fault.
	Validate() error
	// AvroSchema returns the schema's text, verbatim as it was generated from, and its CRC-64-AVRO fingerprint.
	AvroSchema() (text string, fingerprint uint64)
}
