package trace

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
)

// traceEvent is one entry of the Trace Event Format, which Perfetto and Chrome's viewer read.
type traceEvent struct {
	Name      string         `json:"name"`
	Phase     string         `json:"ph"`
	Timestamp float64        `json:"ts"`
	Duration  float64        `json:"dur,omitempty"`
	Process   uint32         `json:"pid"`
	Thread    uint32         `json:"tid"`
	ID        uint64         `json:"id,omitempty"`
	Binding   string         `json:"bp,omitempty"`
	Scope     string         `json:"s,omitempty"`
	Category  string         `json:"cat,omitempty"`
	Arguments map[string]any `json:"args,omitempty"`
}

// WritePerfetto converts a trace to JSON that ui.perfetto.dev opens: a row per process and lane, an arrow from cause
// to effect where they are in different processes.
func WritePerfetto(r *Reader, w io.Writer) error {
	p := &perfetto{reader: r, out: bufio.NewWriter(w), named: map[uint32]bool{}, steps: map[uint64]Record{}}
	fmt.Fprint(p.out, `{"displayTimeUnit":"ns","traceEvents":[`)
	for {
		record, err := r.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return err
		}
		p.record(record)
	}
	fmt.Fprint(p.out, "]}\n")
	return p.out.Flush()
}

type perfetto struct {
	reader *Reader
	out    *bufio.Writer
	named  map[uint32]bool
	// steps remembers recent steps, for the arrows to their effects.
	steps map[uint64]Record
	any   bool
}

// rememberedSteps bounds how far back an arrow may reach.
const rememberedSteps = 1 << 20

func (p *perfetto) record(r Record) {
	if !p.named[r.Process] {
		p.named[r.Process] = true
		p.emit(traceEvent{Name: "process_name", Phase: "M", Process: r.Process, Arguments: map[string]any{"name": p.reader.ProcessName(r.Process)}})
	}
	at := float64(r.Time) / 1000
	event := traceEvent{
		Name: p.reader.KindName(r.Kind), Category: r.Type.String(), Timestamp: at, Process: r.Process, Thread: r.Lane,
		Arguments: map[string]any{"step": r.Step, "argument": r.Num, "incarnation": r.Incarnation},
	}
	if r.Type != Step {
		event.Phase, event.Scope = "i", "t"
		p.emit(event)
		return
	}
	event.Phase, event.Duration = "X", 0.001
	event.Arguments["cause"] = r.Cause
	p.emit(event)
	p.arrow(r)
	p.steps[r.Step] = r
	delete(p.steps, r.Step-rememberedSteps)
}

// arrow draws the flow from the step that scheduled r.
func (p *perfetto) arrow(r Record) {
	cause, ok := p.steps[r.Cause]
	if !ok || cause.Process == r.Process {
		return
	}
	flow := traceEvent{Name: "cause", Category: "cause", ID: r.Step}
	from, to := flow, flow
	from.Phase, from.Timestamp, from.Process, from.Thread = "s", float64(cause.Time)/1000, cause.Process, cause.Lane
	to.Phase, to.Binding, to.Timestamp, to.Process, to.Thread = "f", "e", float64(r.Time)/1000, r.Process, r.Lane
	p.emit(from)
	p.emit(to)
}

func (p *perfetto) emit(e traceEvent) {
	line, err := json.Marshal(e)
	if err != nil {
		panic(fmt.Sprintf("trace: an event that cannot be encoded: %v", err))
	}
	if p.any {
		fmt.Fprint(p.out, ",\n")
	}
	p.any = true
	_, _ = p.out.Write(line)
}
