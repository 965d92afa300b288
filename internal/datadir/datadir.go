// Package datadir holds a data directory for one process. It is the first thing that a server opens: it takes a lock
// that the operating system drops when the process ends in whatever way, and reads or writes typelog.json, which says
// which format the directory has and which cluster it belongs to. It knows nothing of what else lies there.
//
// typelog.json is written, flushed and in place before anything else exists in the directory:
//
//	{"format": 1, "cluster_id": "MkU3OEVBNTcwNTJENDM2Qg"}
package datadir

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// Format is the newest directory format that this build reads and writes.
const Format = 1

const (
	metaName = "typelog.json"
	lockName = "typelog.lock"
)

// maxMeta bounds typelog.json in bytes.
const maxMeta = 64 << 10

// Errors that a person can act on; the messages that wrap them say how.
var (
	ErrLocked = errors.New("data directory in use")
	ErrNewer  = errors.New("data directory has a newer format")
)

// Dir is a data directory that this process holds.
type Dir struct {
	// Path is absolute.
	Path string
	// ClusterID is made once, when the directory is: 22 characters, a UUID in base64 as Kafka writes it.
	ClusterID string

	lock *os.File
}

type meta struct {
	Format    int    `json:"format"`
	ClusterID string `json:"cluster_id"`
}

// Open takes the directory, and makes it if it is missing. It fails at once, with an error of one line, if another
// process holds it (ErrLocked), if a newer typelog wrote it (ErrNewer), or if something else already lives there.
func Open(path string) (*Dir, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("data directory %s: %w", path, err)
	}
	if err := makeDir(abs); err != nil {
		return nil, fmt.Errorf("data directory %s: %w", abs, err)
	}
	if err := checkForeign(abs); err != nil { // before anything is left in somebody else's directory
		return nil, err
	}
	lock, err := os.OpenFile(filepath.Join(abs, lockName), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("data directory %s: %w", abs, err)
	}
	if err := lockFile(lock); err != nil {
		_ = lock.Close()
		if errors.Is(err, ErrLocked) {
			return nil, fmt.Errorf("%w: %s is held by another typelog process; stop that one or choose another with --data", ErrLocked, abs)
		}
		return nil, fmt.Errorf("data directory %s: lock: %w", abs, err)
	}
	m, err := load(abs)
	if err != nil {
		_ = lock.Close()
		return nil, err
	}
	return &Dir{Path: abs, ClusterID: m.ClusterID, lock: lock}, nil
}

// Close gives the directory up.
func (d *Dir) Close() error { return d.lock.Close() }

func load(dir string) (meta, error) {
	name := filepath.Join(dir, metaName)
	raw, err := readBounded(name)
	if errors.Is(err, os.ErrNotExist) {
		return create(dir)
	}
	if err != nil {
		return meta{}, fmt.Errorf("data directory: read %s: %w", name, err)
	}
	var m meta
	if err := json.Unmarshal(raw, &m); err != nil || m.Format < 1 || m.ClusterID == "" {
		return meta{}, fmt.Errorf("data directory: %s is damaged; restore it from a backup of %s (nothing was changed)", name, dir)
	}
	if m.Format > Format {
		return meta{}, fmt.Errorf("%w: %s has format %d and this typelog reads up to %d; use the newer typelog that wrote it", ErrNewer, dir, m.Format, Format)
	}
	return m, nil
}

// checkForeign refuses a directory that is neither typelog's nor empty.
func checkForeign(dir string) error {
	if _, err := os.Stat(filepath.Join(dir, metaName)); err == nil {
		return nil
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return fmt.Errorf("data directory %s: %w", dir, err)
	}
	for _, e := range entries {
		if e.Name() != lockName && e.Name() != metaName+".new" && e.Name() != "lost+found" {
			return fmt.Errorf("data directory: %s holds %q but no %s; choose an empty directory, or restore that file if this was a typelog directory", dir, e.Name(), metaName)
		}
	}
	return nil
}

func create(dir string) (meta, error) {
	if err := checkForeign(dir); err != nil {
		return meta{}, err
	}
	m := meta{Format: Format, ClusterID: newClusterID()}
	raw, err := json.Marshal(m)
	if err != nil {
		return meta{}, err
	}
	if err := writeDurably(dir, metaName, append(raw, '\n')); err != nil {
		return meta{}, fmt.Errorf("data directory %s: %w", dir, err)
	}
	return m, nil
}

// newClusterID never begins with a dash, so that it can stand on a command line.
func newClusterID() string {
	for {
		var b [16]byte
		_, _ = rand.Read(b[:]) // never fails (crypto/rand)
		b[6] = b[6]&0x0f | 0x40
		b[8] = b[8]&0x3f | 0x80
		if id := base64.RawURLEncoding.EncodeToString(b[:]); id[0] != '-' {
			return id
		}
	}
}

func readBounded(name string) ([]byte, error) {
	st, err := os.Stat(name)
	if err != nil {
		return nil, err
	}
	if st.Size() > maxMeta {
		return nil, fmt.Errorf("%d bytes are more than the %d that it may have", st.Size(), maxMeta)
	}
	return os.ReadFile(name)
}

// writeDurably makes dir/name hold data even if the power fails right after it returns.
func writeDurably(dir, name string, data []byte) error {
	tmp := filepath.Join(dir, name+".new")
	f, err := os.OpenFile(tmp, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err == nil {
		err = f.Sync()
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		return err
	}
	if err := os.Rename(tmp, filepath.Join(dir, name)); err != nil {
		return err
	}
	return syncDir(dir)
}

// makeDir makes dir and its missing parents, each durable in its parent.
func makeDir(dir string) error {
	if st, err := os.Stat(dir); err == nil {
		if !st.IsDir() {
			return errors.New("is a file, not a directory")
		}
		return nil
	}
	parent := filepath.Dir(dir)
	if parent != dir {
		if err := makeDir(parent); err != nil {
			return err
		}
	}
	if err := os.Mkdir(dir, 0o700); err != nil && !errors.Is(err, os.ErrExist) {
		return err
	}
	return syncDir(parent)
}
