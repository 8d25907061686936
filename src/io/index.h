/* SPDX-License-Identifier: Apache-2.0 */
/*
 * index.h - what makes a question to a large log quick: a file beside it that can be made anew
 *
 * DIR/index.sqlite (0600) says of each finished segment where its records stand and which names are
 * in them. It only narrows: which of the records are read. Whether one answers the question its own
 * line decides, so that the answer is the same without an index; it may be removed at any time.
 *
 * It also says how far the log was verified when it was made (verify.h). What is as it was then
 * needs no new verification: a segment file with the same device, inode, size, mtime and ctime, and
 * the tiles and seals that belong to it. From the first that is not on, the log is read and
 * verified as always. A copy of a log has other inodes, so its index is not used there.
 *
 * Whoever can write the index can leave records out of answers, and whoever can also write the log
 * and set the clock back can make a changed record pass in them: that is root. `verify`, `timeline`
 * and `bundle` never use it. It cannot make a record of what is no line of the log. What a tally
 * saved in it (mw_index_tally) is its word alone: numbers and names that `servers` and `tools` show
 * where nothing is filtered.
 */
#ifndef MW_IO_INDEX_H
#define MW_IO_INDEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/slice.h"

struct mw_logrec;

#define MW_INDEX_NAME "index.sqlite"

/* What records are found by. In brackets the members whose values are kept: strings decoded,
 * numbers as they are written. */
enum mw_index_field {
	MW_INDEX_SERVER,    /* server, or its id, key, name, configured_name */
	MW_INDEX_TOOL,	    /* tool */
	MW_INDEX_KIND,	    /* kind, effects[].kind */
	MW_INDEX_TARGET,    /* target, target2, asked, name, host_target, object; effects[].target,
			     * .target2; targets[] */
	MW_INDEX_PRINCIPAL, /* of principal: user, uid, unit, container, cgroup; of its tokens sub,
			     * client_id, azp, fingerprint */
	MW_INDEX_ALERT,	    /* rule, alerts[] */
	MW_INDEX_SEVERITY,  /* severity */
	MW_INDEX_STATUS,    /* status */
	MW_INDEX_CALL,	    /* call, candidates[], calls[] */
	MW_INDEX_SESSION,   /* session */
	MW_INDEX_HOST,	    /* host */
	MW_INDEX_PID,	    /* pid, tid, server.pid, client.pid */
	MW_INDEX_ARGS,	    /* args_hmac */
	MW_INDEX_ASKED,	    /* so many can be asked for */
};

struct mw_index_query {
	bool have_since, have_until;
	int64_t since_ns, until_ns; /* from; before */
	/* Of these fields (1u << field) a record must have a value that matches: itself, or a
	 * record of a call or server that it is tied to. */
	unsigned int asked;
	bool (*match)(const void *arg, enum mw_index_field field, struct mw_slice value);
	/* Effects are not narrowed by time and type: a call answers by what its effects say. */
	bool all_effects;
	/* NULL: all types */
	bool (*type)(const void *arg, const char *type);
	/* n 0: not asked; else a record's line must have these bytes. */
	struct mw_slice text;
	/* From this record on; 0: all. */
	uint64_t from;
	/* Of tools and of the daemon all records, too, whatever is asked. */
	bool all_tools;
	/* NULL; else these records are meant and nothing else is asked: they, and those of calls
	 * (call, ties) that they name or that settle them. */
	const uint64_t *seqs;
	size_t n_seqs;
	/* NULL; else is given what a tally saved behind the last record that the index knows, the one
	 * before `rest`, and says from which record on is meant (`from`). 0; else the index is of no
	 * use. */
	int (*saved)(const void *arg, struct mw_slice saved, uint64_t rest, uint64_t *ret_from);
	const void *arg;
};

/*
 * Which records of a log may answer. Besides those that do: the records of all calls they are tied
 * to (call, request, ties) and of all servers, so that who reads only these knows as much of them
 * as from the whole log.
 */
#define MW_INDEX_SPAN 16384
struct mw_index_plan;

/*
 * Asks the index of a log folder; `file`: where it is, NULL for its place in the folder. 1; 0:
 * there is none, or it is of no use (nothing of it fits the log: why in err, "" if that needs no
 * word); negative errno: likewise it cannot be used, err says why. Everything is read of it before
 * this returns.
 */
int mw_index_ask(const char *dir, const char *file, const struct mw_index_query *q, char *err,
		 size_t err_len, struct mw_index_plan **ret);
void mw_index_plan_free(struct mw_index_plan *p);

static inline void mw_index_plan_freep(struct mw_index_plan **p)
{
	mw_index_plan_free(*p);
}

/* Lines that stand behind each other, at least one of which is to be read. */
struct mw_index_range {
	uint64_t first; /* of the segment */
	uint64_t off;	/* in it, uncompressed */
	size_t len, n_lines;
	uint64_t seq; /* of the first line */
};

/* The next, of at most `max` bytes but where one line is longer. False: there are no more. */
bool mw_index_next(struct mw_index_plan *p, size_t max, struct mw_index_range *ret);
/* The next are those of servers alone, from the first on; false: what is to be read again, from the
 * first on. */
void mw_index_servers(struct mw_index_plan *p, bool alone);
/* Whether the record is to be read. */
bool mw_index_wants(const struct mw_index_plan *p, uint64_t seq);
/* The first record behind what the index knows: from there on the log is read as always. */
uint64_t mw_index_rest(const struct mw_index_plan *p);
/* What the verifier knew there (mw_verify_restore); n 0: the log is not sealed. */
struct mw_slice mw_index_state(const struct mw_index_plan *p);

/* What was done. */
struct mw_index_built {
	uint64_t records, segments; /* in the index now */
	uint64_t added;		    /* records */
	uint64_t size;		    /* of the file, bytes */
	bool anew;		    /* what was there did not fit and was made anew */
};

/*
 * What is counted over all records while an index is made, and stands in it: nothing is proved of
 * it but that the log was whole and is as it was. What `save` gives behind the last record is given to
 * `begin` when more is added, with the record that comes next; n 0 and 0 at the beginning. `save`
 * may give nothing: then `begin` gets nothing. 0 or negative errno, which ends it.
 */
struct mw_index_tally {
	int (*begin)(void *arg, struct mw_slice saved, uint64_t next);
	int (*record)(void *arg, const struct mw_logrec *rec);
	int (*save)(void *arg, uint64_t next, struct mw_buf *out);
	void *arg;
};

/*
 * Makes the index, or adds what it lacks: all finished segments (each but the newest), verified as
 * they are read. Each segment is whole in it or not at all, whatever interrupts; readers may use it
 * meanwhile, and the log be written. 0; -EBUSY: somebody else is at it; -EBADMSG: the log is
 * tampered or damaged, what was indexed before that stays; others. err holds one line.
 */
int mw_index_build(const char *dir, const char *file, const struct mw_index_tally *tally, char *err,
		   size_t err_len, struct mw_index_built *ret);

#endif
