package golden

import (
	"encoding/json"
	"fmt"
	"maps"
	"strings"
)

// maxDifferences is how many fields a difference names.
const maxDifferences = 8

// difference names the fields in which two objects differ.
func difference(recorded, replayed Object) string {
	var found []string
	compareValues("", map[string]any(recorded), map[string]any(replayed), &found)
	if len(found) > maxDifferences {
		found = append(found[:maxDifferences], fmt.Sprintf("and %d more", len(found)-maxDifferences))
	}
	return strings.Join(found, "\n")
}

func compareValues(path string, a, b any, found *[]string) {
	ma, okA := a.(map[string]any)
	mb, okB := b.(map[string]any)
	if okA && okB {
		all := maps.Clone(ma)
		maps.Copy(all, mb)
		for _, key := range sortedKeys(all) {
			compareValues(path+"."+key, ma[key], mb[key], found)
		}
		return
	}
	la, okA := a.([]any)
	lb, okB := b.([]any)
	if okA && okB && len(la) == len(lb) {
		for i := range la {
			compareValues(fmt.Sprintf("%s[%d]", path, i), la[i], lb[i], found)
		}
		return
	}
	if x, y := textOf(a), textOf(b); x != y {
		*found = append(*found, fmt.Sprintf("%s: recorded %s, replayed %s", path, x, y))
	}
}

// textDifference compares two objects given as JSON, or says which is absent.
func textDifference(a, b string) string {
	var recorded, replayed Object
	if json.Unmarshal([]byte(a), &recorded) != nil || json.Unmarshal([]byte(b), &replayed) != nil {
		return fmt.Sprintf("recorded %.200s, replayed %.200s", a, b)
	}
	return difference(recorded, replayed)
}
