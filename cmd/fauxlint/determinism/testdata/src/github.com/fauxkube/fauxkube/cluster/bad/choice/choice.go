package choice

func wait() {
	select {} // want `select: select statement`
}
