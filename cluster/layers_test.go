package cluster_test

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"io"
	"strings"
)

// layers are the parts of the simulator, by the files that their code is in; the first path that fits counts.
var layers = []struct{ path, layer string }{
	{"cluster/etcd/watch", "watch fan-out"}, // the package, and watches.go
	{"cluster/apiserver/watch", "watch fan-out"},
	{"cluster/apiserver/cacher.go", "watch fan-out"},
	{"cluster/client/watching.go", "watch fan-out"},
	{"cluster/client/reflector.go", "watch fan-out"},
	{"cluster/client/informer", "watch fan-out"},
	{"cluster/client/store.go", "watch fan-out"},
	{"cluster/apiserver/", "apiserver"},
	{"cluster/api/", "apiserver"},
	{"cluster/etcd/", "etcd"},
	{"go.etcd.io/raft/", "raft"},
	{"cluster/client/", "kubelet and client"},
	{"cluster/kubelet/", "kubelet and client"},
	{"cluster/controller/", "controllers"},
	{"cluster/kubeproxy/", "kubelet and client"},
	{"sim/network/", "network"},
	{"sim/disk/", "disk"},
	{"sim/host/", "host"},
	{"sim/", "kernel"},
	{"/cluster/", otherLayer},
}

const collector, otherLayer = "garbage collector", "the rest of the cluster"

// byLayer adds up a CPU profile of package runtime/pprof by layer, in nanoseconds. Each sample counts for the innermost
// function that is part of a layer: what the runtime and the libraries do is done for it.
func byLayer(profile []byte) (map[string]int64, error) {
	p, err := decodeProfile(profile)
	if err != nil {
		return nil, err
	}
	sums := map[string]int64{}
	for _, s := range p.samples {
		sums[p.layerOf(s.locations)] += s.nanos
	}
	return sums, nil
}

// cpuProfile is what is needed of the format that github.com/google/pprof documents (proto/profile.proto).
type cpuProfile struct {
	samples   []profileSample
	locations map[uint64][]uint64 // functions, the innermost first
	functions map[uint64]profileFunction
	strings   []string
}

type profileSample struct {
	locations []uint64 // the innermost first
	nanos     int64
}

type profileFunction struct{ name, file uint64 }

func (p *cpuProfile) layerOf(locations []uint64) string {
	layer := ""
	for _, l := range locations {
		for _, id := range p.locations[l] {
			f := p.functions[id]
			if strings.HasPrefix(p.strings[f.name], "runtime.gcBgMarkWorker") || strings.HasPrefix(p.strings[f.name], "runtime.gcAssist") {
				return collector
			}
			if found := layerOfFile(p.strings[f.file]); layer == "" {
				layer = found
			}
		}
	}
	if layer == "" {
		return otherLayer
	}
	return layer
}

func layerOfFile(file string) string {
	if i := strings.LastIndex(file, "/fauxkube/"); i >= 0 {
		file = file[i+len("/fauxkube/"):]
	}
	for _, l := range layers {
		if strings.Contains(file, l.path) {
			return l.layer
		}
	}
	return ""
}

func decodeProfile(profile []byte) (*cpuProfile, error) {
	in, err := gzip.NewReader(bytes.NewReader(profile))
	if err != nil {
		return nil, err
	}
	data, err := io.ReadAll(in)
	if err != nil {
		return nil, err
	}
	p := &cpuProfile{locations: map[uint64][]uint64{}, functions: map[uint64]profileFunction{}}
	eachField(data, func(field, _ uint64, message []byte) {
		switch field {
		case 2:
			p.samples = append(p.samples, decodeSample(message))
		case 4:
			p.addLocation(message)
		case 5:
			p.addFunction(message)
		case 6:
			p.strings = append(p.strings, string(message))
		}
	})
	return p, nil
}

// decodeSample reads a Sample: location_id = 1, value = 2 (count, nanoseconds), packed where there are many.
func decodeSample(message []byte) (s profileSample) {
	eachField(message, func(field, number uint64, packed []byte) {
		numbers := unpack(packed)
		if len(numbers) == 0 {
			numbers = []uint64{number}
		}
		switch field {
		case 1:
			s.locations = append(s.locations, numbers...)
		case 2:
			s.nanos = int64(numbers[len(numbers)-1])
		}
	})
	return s
}

// addLocation reads a Location: id = 1, line = 4, and of a Line function_id = 1.
func (p *cpuProfile) addLocation(message []byte) {
	var id uint64
	var functions []uint64
	eachField(message, func(field, number uint64, line []byte) {
		switch field {
		case 1:
			id = number
		case 4:
			eachField(line, func(field, number uint64, _ []byte) {
				if field == 1 {
					functions = append(functions, number)
				}
			})
		}
	})
	p.locations[id] = functions
}

// addFunction reads a Function: id = 1, name = 2, filename = 4.
func (p *cpuProfile) addFunction(message []byte) {
	var id uint64
	var f profileFunction
	eachField(message, func(field, number uint64, _ []byte) {
		switch field {
		case 1:
			id = number
		case 2:
			f.name = number
		case 4:
			f.file = number
		}
	})
	p.functions[id] = f
}

// eachField visits the fields of a protobuf message: numbers, and what has a length.
func eachField(message []byte, visit func(field, number uint64, bytes []byte)) {
	for len(message) > 0 {
		tag, n := binary.Uvarint(message)
		message = message[n:]
		number, n := binary.Uvarint(message)
		message = message[n:]
		var body []byte
		if tag&7 == 2 {
			body, message = message[:number], message[number:]
		}
		visit(tag>>3, number, body)
	}
}

func unpack(packed []byte) (numbers []uint64) {
	for len(packed) > 0 {
		v, n := binary.Uvarint(packed)
		numbers, packed = append(numbers, v), packed[n:]
	}
	return numbers
}
