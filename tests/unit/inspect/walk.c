/* SPDX-License-Identifier: EUPL-1.2 */
#include "inspect/walk.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tap.h"

static char root[512];

static const char *
below(const char *name)
{
	static char path[1200];
	snprintf(path, sizeof path, "%s/%s", root, name);
	return path;
}

static void
make_file(const char *name)
{
	int fd = open(below(name), O_WRONLY | O_CREAT, 0600);
	CHECK(fd >= 0 && write(fd, "x", 1) == 1);
	close(fd);
}

static void
make_tree(const char *name)
{
	snprintf(root, sizeof root, "%s/%s", tap_folder(), name);
	CHECK_INT(mkdir(root, 0700), 0);
}

static int
open_root(void)
{
	return open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

struct seen {
	uint32_t files, problems;
	int error;
	bool sub, outside;
};

static struct seen
walk_all(struct walk *w)
{
	struct seen s = {0};
	for (struct walk_item i; walk_next(w, &i), i.kind != WALK_END;) {
		s.files += i.kind == WALK_FILE;
		s.problems += i.kind == WALK_PROBLEM;
		s.sub |= str_ends(i.path, STR("/sub/b"));
		s.outside |= str_find(i.path, STR("secret")) >= 0;
		CHECK(str_starts(i.path, str_z(root)));
		if (i.kind == WALK_FILE)
			CHECK_INT(close(i.fd), 0);
		else
			s.error = i.error;
	}
	return s;
}

TEST(files_of_all_folders_once_and_nothing_else)
{
	struct walk *w;
	make_tree("plain");
	make_file("a");
	mkdir(below("sub"), 0700);
	make_file("sub/b");
	mkdir(below("sub/empty"), 0700);
	CHECK_INT(mkfifo(below("pipe"), 0600), 0);
	CHECK_INT(symlink("/etc/passwd", below("link")), 0);
	CHECK_INT(symlink(".", below("loop")), 0);
	CHECK_INT(symlink("nowhere", below("dangling")), 0);
	int fd = open_root();
	CHECK_INT(walk_open(fd, str_z(root), STR(""), &w), 0);
	struct seen s = walk_all(w);
	struct walk_counts c = walk_counts(w);
	CHECK_INT(s.files, 2);
	CHECK_INT(s.problems, 0);
	CHECK(s.sub);
	CHECK_INT(c.files, 2);
	CHECK_INT(c.folders, 3);
	CHECK_INT(c.links, 3);
	CHECK_INT(c.special, 1);
	walk_free(w);
	close(fd);
}

static const struct {
	const char *below;
	int want;
} starts[] = {{"", 0}, {"/", 0}, {"sub", 0}, {"/sub/", 0}, {"/sub//.", 0}, {"sub/b", E_INVALID}, {"..", E_INVALID},
	{"sub/../sub", E_INVALID}, {"link", E_INVALID}, {"link/x", E_INVALID}, {"none", E_NOT_FOUND}, {"sub/none", E_NOT_FOUND}};

TEST(it_begins_below_its_root_and_through_no_link)
{
	make_tree("starts");
	mkdir(below("sub"), 0700);
	make_file("sub/b");
	CHECK_INT(symlink("sub", below("link")), 0);
	int fd = open_root();
	for (size_t i = 0; i < COUNT(starts); i++) {
		struct walk *w = NULL;
		int got = walk_open(fd, str_z(root), str_z(starts[i].below), &w);
		tap_check(got == starts[i].want, __FILE__, __LINE__, "\"%s\": %d, want %d", starts[i].below, got, starts[i].want);
		if (!got)
			CHECK_INT(walk_all(w).files, 1);
		walk_free(w);
	}
	char longer[WALK_PATH_MAX + 10];
	struct walk *w;
	memset(longer, 'a', sizeof longer - 1);
	longer[sizeof longer - 1] = '\0';
	CHECK_INT(walk_open(fd, str_z(root), str_z(longer), &w), E_LIMIT);
	close(fd);
}

/* The trick of swapping: the folder is open already when its name becomes a link to elsewhere. */
TEST(a_folder_swapped_for_a_link_leads_nowhere)
{
	struct walk *w;
	make_tree("swap");
	mkdir(below("outside"), 0700);
	make_file("outside/secret");
	mkdir(below("in"), 0700);
	mkdir(below("in/sub"), 0700);
	make_file("in/sub/b");
	int fd = open_root();
	CHECK_INT(walk_open(fd, str_z(root), STR("in"), &w), 0);
	char from[1200], to[1200];
	snprintf(from, sizeof from, "%s", below("in"));
	snprintf(to, sizeof to, "%s", below("moved"));
	CHECK_INT(rename(from, to), 0);
	CHECK_INT(symlink("outside", below("in")), 0);
	struct seen s = walk_all(w);
	CHECK_INT(s.files, 1);
	CHECK(s.sub);
	CHECK(!s.outside);
	walk_free(w);
	close(fd);
}

TEST(too_deep_is_told_once_and_the_rest_goes_on)
{
	struct walk *w;
	char path[2000] = {0};
	make_tree("deep");
	snprintf(path, sizeof path, "%s", root);
	for (int i = 0; i < 130; i++) {
		snprintf(path + strlen(path), sizeof path - strlen(path), "/d");
		CHECK_INT(mkdir(path, 0700), 0);
	}
	make_file("a");
	int fd = open_root();
	CHECK_INT(walk_open(fd, str_z(root), STR(""), &w), 0);
	struct seen s = walk_all(w);
	CHECK_INT(s.files, 1);
	CHECK_INT(s.problems, 1);
	CHECK_INT(s.error, E_LIMIT);
	CHECK_INT(walk_counts(w).folders, WALK_DEPTH_MAX);
	walk_free(w);
	close(fd);
}

TEST(what_may_not_be_read_is_told)
{
	struct walk *w;
	make_tree("locked");
	make_file("a");
	mkdir(below("sub"), 0700);
	int fd = open_root();
	if (geteuid() == 0) { /* who may read everything: look as somebody else */
		CHECK_INT(fchown(fd, 65534, 65534), 0);
		CHECK_INT(seteuid(65534), 0);
	} else {
		chmod(below("a"), 0);
		chmod(below("sub"), 0);
	}
	CHECK_INT(walk_open(fd, str_z(root), STR(""), &w), 0);
	struct seen s = walk_all(w);
	CHECK_INT(s.files, 0);
	CHECK_INT(s.problems, 2);
	CHECK_INT(s.error, E_DENIED);
	walk_free(w);
	close(fd);
	if (getuid() == 0)
		CHECK_INT(seteuid(0), 0);
	chmod(below("sub"), 0700);
}
