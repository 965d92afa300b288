package partlog

// behindBytes is how many bytes of a segment are written before the system is asked to bring them to the disk. It bounds what
// a checkpoint has to flush for each partition, and how much at once gets in the journal's way.
const behindBytes = 512 << 10

// behind has segments written to the disk soon after they were written to, by a goroutine of its own: asking can mean
// waiting.
type behind struct{ ranges chan behindRange }

// behindRange is a range of a file whose handle is held.
type behindRange struct {
	h       *handle
	off, to int64
}

func newBehind() behind { return behind{make(chan behindRange, 64)} }

// wrote tells that a segment's file has bytes up to end. Only the writer calls it. If the disk has too much to do already,
// the next call asks for the rest.
func (b behind) wrote(t *files, s *segment, end int64) {
	if end-s.behind < behindBytes {
		return
	}
	h, _, err := t.get(s, false)
	if err != nil {
		return // the checkpoint will say so
	}
	select {
	case b.ranges <- behindRange{h, s.behind, end}:
		s.behind = end
	default:
		t.put(h)
	}
}

// run asks for the ranges until close.
func (b behind) run(t *files) {
	for r := range b.ranges {
		r.h.StartSync(r.off, r.to-r.off)
		t.put(r.h)
	}
}

// close ends run once it has asked for what is queued.
func (b behind) close() { close(b.ranges) }
