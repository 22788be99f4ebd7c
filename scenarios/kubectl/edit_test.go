package kubectl

import "testing"

// kubectl names what it has done to labels and taints: set, removed, or both.
func TestWordForEdits(t *testing.T) {
	for _, c := range []struct {
		edits []string
		want  string
	}{
		{[]string{"a=b:NoSchedule"}, "tainted"},
		{[]string{"a-"}, "untainted"},
		{[]string{"a-", "b:NoExecute-"}, "untainted"},
		{[]string{"a-", "b=c:NoExecute"}, "modified"},
	} {
		if got := edited(c.edits, "tainted", "untainted", "modified"); got != c.want {
			t.Errorf("%v: %s, want %s", c.edits, got, c.want)
		}
	}
}
