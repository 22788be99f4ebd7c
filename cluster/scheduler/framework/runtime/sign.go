package runtime

import (
	"encoding/binary"

	corev1 "k8s.io/api/core/v1"

	"github.com/fauxkube/fauxkube/cluster/scheduler/framework"
)

// signer signs a profile's pods. Without plugins it signs none.
type signer struct {
	plugins   []framework.SignPlugin
	fragments []framework.SignFragment
}

// newSigner asks the plugins that answer about nodes. One that can't sign, or an extender, leaves all pods unsigned.
func newSigner(f *Framework) (s signer) {
	var plugins []framework.Plugin
	for _, p := range f.preFilters {
		plugins = append(plugins, p.plugin)
	}
	for _, p := range f.filters {
		plugins = append(plugins, p.plugin)
	}
	for _, p := range f.preScores {
		plugins = append(plugins, p.plugin)
	}
	for _, p := range f.scorers {
		plugins = append(plugins, p.plugin)
	}
	if len(f.config.Extenders) > 0 {
		return signer{}
	}
	asked, named := map[string]bool{}, map[string]bool{}
	for _, p := range plugins {
		if asked[p.Name()] {
			continue
		}
		asked[p.Name()] = true
		signs, ok := p.(framework.SignPlugin)
		if !ok || !framework.Has(p, "Sign") {
			return signer{}
		}
		s.plugins = append(s.plugins, signs)
		for _, fragment := range signs.Fragments() {
			if !named[fragment.Name] {
				named[fragment.Name] = true
				s.fragments = append(s.fragments, fragment)
			}
		}
	}
	return s
}

// Sign returns the pod's signature; empty if it has none.
func (f *Framework) Sign(pod *corev1.Pod) string {
	if f.batch == nil || len(f.signer.plugins) == 0 {
		return ""
	}
	for _, p := range f.signer.plugins {
		if !p.Signable(pod) {
			return ""
		}
	}
	key := make([]byte, 0, 256)
	for i, fragment := range f.signer.fragments {
		key = fragment.Append(binary.AppendUvarint(key, uint64(i)), pod)
	}
	return string(key)
}
