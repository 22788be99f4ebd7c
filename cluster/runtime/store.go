package runtime

import (
	"maps"
	"slices"
)

// store is the image store of one node. It is on disk: it survives restarts and crashes.
type store struct {
	images map[string]int64 // by canonical name: size in bytes
	layers map[string]int   // by digest: how many images have it
	names  map[string][]string
}

func newStore() store {
	return store{images: map[string]int64{}, layers: map[string]int{}, names: map[string][]string{}}
}

func layersOf(name string, i *Image) []Layer {
	if len(i.Layers) > 0 {
		return i.Layers
	}
	return []Layer{{Digest: Digest(name) + "/" + layerShare, Bytes: i.size()}}
}

// missing returns how many bytes a pull has to download.
func (s *store) missing(name string, i *Image) int64 {
	var sum int64
	for _, l := range layersOf(name, i) {
		if s.layers[l.Digest] == 0 {
			sum += l.Bytes
		}
	}
	return sum
}

func (s *store) add(name string, i *Image) {
	key := Canonical(name)
	if _, has := s.images[key]; has {
		return
	}
	s.images[key] = i.size()
	for _, l := range layersOf(name, i) {
		s.layers[l.Digest]++
		s.names[key] = append(s.names[key], l.Digest)
	}
}

func (s *store) remove(name string) {
	key := Canonical(name)
	for _, digest := range s.names[key] {
		if s.layers[digest]--; s.layers[digest] == 0 {
			delete(s.layers, digest)
		}
	}
	delete(s.names, key)
	delete(s.images, key)
}

func (s *store) has(name string) bool {
	_, ok := s.images[Canonical(name)]
	return ok
}

// ImageStatus is one image on a node.
type ImageStatus struct {
	Name  string // canonical
	Bytes int64
}

// list returns the images, the largest first as the kubelet reports them, then by name.
func (s *store) list() []ImageStatus {
	out := make([]ImageStatus, 0, len(s.images))
	for _, name := range slices.Sorted(maps.Keys(s.images)) {
		out = append(out, ImageStatus{Name: name, Bytes: s.images[name]})
	}
	slices.SortStableFunc(out, func(a, b ImageStatus) int {
		switch {
		case a.Bytes > b.Bytes:
			return -1
		case a.Bytes < b.Bytes:
			return 1
		}
		return 0
	})
	return out
}
