package trace

import (
	"bufio"
	"fmt"
	"io"
	"time"
)

// Line renders a record with the names read so far.
func (t *Reader) Line(r Record) string {
	process := t.ProcessName(r.Process)
	if r.Incarnation > 1 {
		process = fmt.Sprintf("%s#%d", process, r.Incarnation)
	}
	switch r.Type {
	case Fact:
		return fmt.Sprintf("%14s step %d  %s  %s = %d, %d", seconds(r.Time), r.Step, process, t.KindName(r.Kind), r.Num, r.Cause)
	case Dropped:
		return fmt.Sprintf("%14s after step %d  %s  %s(%d) dropped: its incarnation is dead", seconds(r.Time), r.Step, process, t.KindName(r.Kind), r.Num)
	}
	cause := "from outside"
	if r.Cause > 0 {
		cause = fmt.Sprintf("caused by step %d", r.Cause)
	}
	return fmt.Sprintf("%14s step %d  %s  %s(%d)  %s", seconds(r.Time), r.Step, process, t.KindName(r.Kind), r.Num, cause)
}

func seconds(nanos int64) string { return fmt.Sprintf("%.9fs", time.Duration(nanos).Seconds()) }

// WriteText prints a whole trace, a line a record. A trace that was cut short is printed as far as it goes, and the
// error is io.ErrUnexpectedEOF.
func WriteText(r *Reader, w io.Writer) error {
	out := bufio.NewWriter(w)
	h := r.Header()
	fmt.Fprintf(out, "# %s\n# seed %d, mode %s, scenario %s, time 0 is %s\n", h.Binary, h.Seed, h.Mode, h.Scenario, h.Start)
	for {
		record, err := r.Next()
		if err != nil {
			if flushed := out.Flush(); flushed != nil {
				return flushed
			}
			if err == io.EOF {
				return nil
			}
			return err
		}
		fmt.Fprintln(out, r.Line(record))
	}
}
