package api

import (
	"context"
	"errors"
	"io"
	"net/http"
	"time"

	"github.com/typelog/typelog/registry/internal/model"
)

// transfers are the service's ways to move everything in and out.
type transfers interface {
	Export(ctx context.Context, w io.Writer) error
	Import(ctx context.Context, r io.Reader) (model.Imported, error)
}

// The limits of moving a whole registry.
const (
	transferTime = 15 * time.Minute
	maxImport    = 1 << 30 // bytes
)

// stream is an answer that is written as it is made.
type stream func(w io.Writer) error

const typeLines = "application/x-ndjson"

func exportAll(c *call) (any, error) {
	c.extend()
	return stream(func(w io.Writer) error { return c.service.Export(c.request.Context(), w) }), nil
}

func importAll(c *call) (any, error) {
	c.extend()
	done, err := c.service.Import(c.request.Context(), http.MaxBytesReader(c.writer, c.request.Body, maxImport))
	if large := (*http.MaxBytesError)(nil); errors.As(err, &large) {
		return nil, model.Errorf(model.SchemaTooLarge, "The import has more than %d bytes: split it by its lines", maxImport)
	}
	return done, err
}

// extend gives this request the time that a whole registry needs. A writer that knows no deadlines has none.
func (c *call) extend() {
	control := http.NewResponseController(c.writer)
	until := time.Now().Add(transferTime)
	control.SetReadDeadline(until)
	control.SetWriteDeadline(until)
}

// send writes a stream. One that breaks off ends the connection, so that nobody takes it for whole.
func (c *call) send(s stream) {
	c.writer.Header()[contentType] = []string{typeLines}
	c.writer.WriteHeader(c.status)
	if c.request.Method == http.MethodHead {
		return
	}
	if err := s(c.writer); err != nil {
		c.options.Log.Error("registry: an answer broke off", "path", c.request.URL.Path, "error", err)
		panic(http.ErrAbortHandler)
	}
}
