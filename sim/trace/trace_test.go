package trace

import (
	"bytes"
	"encoding/json"
	"io"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func sample(w io.Writer) {
	t := NewWriter(w, Header{Binary: "test", Seed: 1, Mode: "benchmark", Start: "2026-01-01T00:00:00Z"})
	t.DefineKind(3, "ping")
	t.DefineProcess(1, "alice")
	t.DefineProcess(2, "bob")
	t.Record(Record{Type: Step, Time: 1_000_000_000, Step: 1, Kind: 3, Process: 1, Incarnation: 1, Num: 7})
	t.Record(Record{Type: Fact, Time: 1_000_000_000, Step: 1, Kind: 3, Process: 1, Incarnation: 1, Num: 8, Cause: 9})
	t.Record(Record{Type: Step, Time: 2_000_000_000, Step: 2, Cause: 1, Kind: 3, Process: 2, Incarnation: 2, Lane: 4})
	t.Record(Record{Type: Dropped, Time: 3_000_000_000, Step: 2, Cause: 1, Kind: 3, Process: 1, Incarnation: 1})
	if err := t.Close(); err != nil {
		panic(err)
	}
}

func TestText(t *testing.T) {
	var file, text bytes.Buffer
	sample(&file)
	r, err := NewReader(&file)
	if err != nil {
		t.Fatal(err)
	}
	if err := WriteText(r, &text); err != nil {
		t.Fatal(err)
	}
	want := `# test
# seed 1, mode benchmark, scenario , time 0 is 2026-01-01T00:00:00Z
  1.000000000s step 1  alice  ping(7)  from outside
  1.000000000s step 1  alice  ping = 8, 9
  2.000000000s step 2  bob#2  ping(0)  caused by step 1
  3.000000000s after step 2  alice  ping(0) dropped: its incarnation is dead
`
	if text.String() != want {
		t.Errorf("got\n%s\nwant\n%s", text.String(), want)
	}
}

func TestPerfettoIsJSONWithArrows(t *testing.T) {
	var file, out bytes.Buffer
	sample(&file)
	r, err := NewReader(&file)
	if err != nil {
		t.Fatal(err)
	}
	if err := WritePerfetto(r, &out); err != nil {
		t.Fatal(err)
	}
	var decoded struct{ TraceEvents []traceEvent }
	if err := json.Unmarshal(out.Bytes(), &decoded); err != nil {
		t.Fatal(err)
	}
	phases := ""
	for _, e := range decoded.TraceEvents {
		phases += e.Phase
	}
	if phases != "MXiMXsfi" {
		t.Errorf("phases %s, want MXiMXsfi", phases)
	}
}

// A file cut anywhere, or of another kind or version, gives an error and never a panic or a wrong record.
func TestBrokenFilesAreRefused(t *testing.T) {
	var file bytes.Buffer
	sample(&file)
	whole := file.Bytes()
	read := func(data []byte) error {
		r, err := NewReader(bytes.NewReader(data))
		for err == nil {
			_, err = r.Next()
		}
		return err
	}
	if err := read(whole); err != io.EOF {
		t.Fatalf("the whole file: %v", err)
	}
	for n := range whole {
		if err := read(whole[:n]); err == io.EOF || err == nil {
			t.Errorf("cut to %d bytes: %v", n, err)
		}
	}
	newer := bytes.Clone(whole)
	newer[len(magic)] = 9
	if err := read(newer); err == nil || !strings.Contains(err.Error(), "version 9") {
		t.Errorf("version 9: %v", err)
	}
	if err := read([]byte("apiVersion: v1")); err != ErrNotATrace {
		t.Errorf("a YAML file: %v", err)
	}
}

func TestRecordsComeBackAsWritten(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var want []Record
		var last Record
		for range rapid.IntRange(0, 50).Draw(t, "count") {
			r := Record{
				Type: rapid.SampledFrom([]Type{Step, Fact, Dropped}).Draw(t, "type"),
				Time: last.Time + rapid.Int64Range(0, 1<<40).Draw(t, "pause"), Step: last.Step + rapid.Uint64Range(0, 3).Draw(t, "steps"),
				Num: rapid.Uint64().Draw(t, "num"), Kind: rapid.Uint16().Draw(t, "kind"), Process: rapid.Uint32().Draw(t, "process"),
				Incarnation: rapid.Uint32().Draw(t, "incarnation"), Lane: rapid.Uint32().Draw(t, "lane"),
			}
			r.Cause = rapid.Uint64Range(0, r.Step).Draw(t, "cause")
			want, last = append(want, r), r
		}
		var file bytes.Buffer
		w := NewWriter(&file, Header{})
		for _, r := range want {
			w.Record(r)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		r, err := NewReader(&file)
		if err != nil {
			t.Fatal(err)
		}
		for i, record := range want {
			if got, err := r.Next(); err != nil || got != record {
				t.Fatalf("record %d: %+v (%v), want %+v", i, got, err, record)
			}
		}
	})
}
