// SPDX-License-Identifier: GPL-2.0-or-later
/* Properties of mock functions: words, messages; and what a refusal says. */
#include <errno.h>
#include <linux/genetlink.h>
#include <stdlib.h>
#include <string.h>

#include "mnl.h"
#include "mock_conf.h"
#include "tap.h"

#define MAX_WORDS	40

union message {
	struct nlmsghdr header;
	char bytes[VFM_MNL_REQUEST];
};

static struct nlmsghdr *begin(union message *m, uint16_t type)
{
	struct nlmsghdr *n = mnl_nlmsg_put_header(m);

	mnl_nlmsg_put_extra_header(n, GENL_HDRLEN);
	n->nlmsg_type = type;
	return n;
}

/* --- words ------------------------------------------------------------ */

static int parse(struct vfm_mock_conf *c, const char *line, struct vfm_error *e)
{
	char *words[MAX_WORDS], *copy = strdup(line), *next;
	int n = 0, ret;

	memset(e, 0, sizeof(*e));
	for (next = strtok(copy, " "); next; next = strtok(NULL, " "))
		words[n++] = next;
	ret = vfm_mock_conf_words(c, n, words, e);
	free(copy);
	return ret;
}

static void test_all_words(void)
{
	struct vfm_mock_conf c;
	struct vfm_error e;

	ok(!parse(&c, "blue profile tiny slot 33 number 7 vendor 1af4 device 0x1041 subvendor 8086 subdevice 1 class 020000 revision a memory 16G bar 64K msi 32 msix 2048 intx off migration stop-copy,pre-copy vfs 3 dirty-log on",
		  &e) && !strcmp(c.name, "blue") && !strcmp(c.profile, "tiny") &&
	   c.slot == 33 && c.number == 7 && c.vendor == 0x1af4 &&
	   c.device == 0x1041 && c.subvendor == 0x8086 && c.subdevice == 1 &&
	   c.class == 0x20000 && c.revision == 10 && c.mem_size == 16ULL << 30 &&
	   c.bar_size == 65536 && c.msi == 32 && c.msix == 2048 && !c.intx &&
	   c.migration == 5 && c.total_vfs == 3 && c.dirty_log == 1,
	   "every word (%s)", e.text);
	ok(c.given == (uint32_t)((2 << MOCK_VFIO_PCI_A_FUNCTION_DIRTY_LOG) - 2 -
				 (1 << MOCK_VFIO_PCI_A_FUNCTION_SURPRISE) -
				 VFM_MOCK_ADDRESS), "and all count as given");
}

static void test_words(void)
{
	struct vfm_mock_conf c;
	struct vfm_error e;

	ok(!parse(&c, "", &e) && !c.given, "no word, nothing given");
	ok(!parse(&c, "blue", &e) && c.given == VFM_MOCK_NAME &&
	   !strcmp(c.name, "blue"), "an odd word is the name");
	ok(!parse(&c, "intx on", &e) && c.given == VFM_MOCK_INTX && c.intx == 1,
	   "no odd word, no name");
	ok(!parse(&c, "name slot slot 3", &e) && !strcmp(c.name, "slot") &&
	   c.slot == 3, "a name may look like a property");
	ok(!parse(&c, "mem-size 8K msix-vectors 5 total-vfs 1", &e) &&
	   c.mem_size == 8192 && c.msix == 5 && c.total_vfs == 1,
	   "the netlink spec's names are understood");
	ok(!parse(&c, "migration none", &e) && !c.migration &&
	   c.given == VFM_MOCK_MIGRATION, "none is not the same as not given");
	ok(!parse(&c, "migration p2p", &e) && c.migration == 2,
	   "what does not make sense is for the kernel to say");
	ok(!parse(&c, "blue bar 4096", &e) && c.bar_size == 4096 &&
	   !strcmp(c.name, "blue"), "a size without a suffix");
}

static void test_bad_words(void)
{
	/* words, what the message has to say */
	static const char * const bad[][2] = {
		{ "memry 4K", "memry: no such property" },
		{ "x memry 4K", "memry: no such property" },
		{ "address f000:00:00.0", "address: no such property" },
		{ "slot", "slot: its value is missing" },
		{ "slot 1 intx", "intx: its value is missing" },
		{ "slot 1 slot 2", "slot is given twice" },
		{ "a name b", "name is given twice" },
		{ "a mem-size 4K memory 4K", "memory is given twice" },
		{ "slot x", "slot \"x\": a number" },
		{ "slot -1", "slot \"-1\": a number" },
		{ "slot 4294967296", "slot 4294967296: at most 32 bits" },
		{ "vendor 10000", "vendor 10000: at most 16 bits" },
		{ "vendor 0y", "vendor \"0y\": a hexadecimal" },
		{ "revision 100", "revision 100: at most 8 bits" },
		{ "memory 1T", "memory \"1T\": bytes" },
		{ "intx yes", "intx \"yes\": on or off" },
		{ "migration stop-copy,", "none, or some of" },
		{ "migration ,p2p", "none, or some of" },
		{ "migration none,p2p", "none, or some of" },
		{ "migration stop", "none, or some of" },
		{ "profile xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", "1 to 31 char" },
		{ "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", "1 to 31 char" },
	};
	struct vfm_mock_conf c;
	struct vfm_error e;
	size_t i;

	for (i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		ok(parse(&c, bad[i][0], &e) < 0 && strstr(e.text, bad[i][1]),
		   "\"%s\": %s", bad[i][0], e.text);
	parse(&c, "memry 4K", &e);
	ok(strstr(e.hint, " memory ") && strstr(e.hint, " vfs") &&
	   !strstr(e.hint, "address"), "a wrong word: those that are right");
}

static void test_caps_text(void)
{
	char buf[64], small[8];

	ok(!strcmp(vfm_mock_caps_text(0, buf, 64), "none") &&
	   !strcmp(vfm_mock_caps_text(2, buf, 64), "p2p") &&
	   !strcmp(vfm_mock_caps_text(7, buf, 64), "stop-copy,p2p,pre-copy"),
	   "what a function offers, in words");
	ok(strlen(vfm_mock_caps_text(7, small, sizeof(small))) == 7,
	   "cut off where there is no room");
}

/* --- messages --------------------------------------------------------- */

static const struct nlattr *attr(const struct nlmsghdr *n, unsigned int type)
{
	const struct nlattr *a;

	mnl_attr_for_each(a, n, GENL_HDRLEN)
		if (mnl_attr_get_type(a) == type)
			return a;
	return NULL;
}

static bool has_size(const struct nlmsghdr *n, unsigned int type, size_t bytes)
{
	const struct nlattr *a = attr(n, type);

	return a && mnl_attr_get_payload_len(a) == bytes;
}

static void test_round_trip(void)
{
	struct vfm_mock_conf c, back;
	union message m;
	struct vfm_error e;
	struct nlmsghdr *n = begin(&m, NLMSG_MIN_TYPE);

	parse(&c, "blue slot 3 vendor fffe class 20000 revision 1 memory 16G bar 4K intx on migration none",
	      &e);
	ok(!vfm_mock_conf_put(&c, n, sizeof(m), &e), "a request is written");
	ok(!vfm_mock_conf_get(&back, n, &e) && !memcmp(&c, &back, sizeof(c)),
	   "and read back the same");
	ok(has_size(n, MOCK_VFIO_PCI_A_FUNCTION_NAME, 5) &&
	   has_size(n, MOCK_VFIO_PCI_A_FUNCTION_SLOT, 4) &&
	   has_size(n, MOCK_VFIO_PCI_A_FUNCTION_VENDOR_ID, 2) &&
	   has_size(n, MOCK_VFIO_PCI_A_FUNCTION_CLASS, 4) &&
	   has_size(n, MOCK_VFIO_PCI_A_FUNCTION_REVISION, 1) &&
	   has_size(n, MOCK_VFIO_PCI_A_FUNCTION_MEM_SIZE, 8) &&
	   has_size(n, MOCK_VFIO_PCI_A_FUNCTION_BAR_SIZE, 4) &&
	   has_size(n, MOCK_VFIO_PCI_A_FUNCTION_INTX, 1),
	   "its attributes are as wide as the spec says");
	ok(!attr(n, MOCK_VFIO_PCI_A_FUNCTION_NUMBER),
	   "what is not given is not sent");
}

static void test_bad_messages(void)
{
	struct vfm_mock_conf c = { .given = VFM_MOCK_VENDOR, .vendor = 65536 };
	struct nlmsghdr *n;
	union message m;
	struct vfm_error e;

	n = begin(&m, NLMSG_MIN_TYPE);
	ok(vfm_mock_conf_put(&c, n, sizeof(m), &e) == -ERANGE,
	   "a number that does not fit is not cut off");
	parse(&c, "blue", &e);
	ok(vfm_mock_conf_put(&c, n, MNL_NLMSG_HDRLEN + GENL_HDRLEN + 8, &e) ==
	   -EMSGSIZE, "a request that does not fit is refused");
	mnl_attr_put_u32(n, 900, 1);
	ok(!vfm_mock_conf_get(&c, n, &e) && !c.given,
	   "attributes of a newer kernel are skipped");
	mnl_attr_put(n, MOCK_VFIO_PCI_A_FUNCTION_NAME, 3, "abc");
	ok(vfm_mock_conf_get(&c, n, &e) == -EPROTO && strstr(e.text, "name"),
	   "a string without an end is refused");
	n = begin(&m, NLMSG_MIN_TYPE);
	mnl_attr_put(n, MOCK_VFIO_PCI_A_FUNCTION_SLOT, 3, "abc");
	ok(vfm_mock_conf_get(&c, n, &e) == -EPROTO && strstr(e.text, "slot"),
	   "a number of three bytes is refused");
	n = begin(&m, NLMSG_MIN_TYPE);
	mnl_attr_put_strz(n, MOCK_VFIO_PCI_A_FUNCTION_ADDRESS,
			  "an address that is longer than there is room for");
	ok(vfm_mock_conf_get(&c, n, &e) == -EPROTO,
	   "a string that is too long is refused");
}

/* --- refusals --------------------------------------------------------- */

static const struct vfm_mnl_family family = {
	.name = "test", .attr_name = vfm_mock_attr_word,
};

/* An NLMSG_ERROR for @request; attributes are for the caller to add. */
static struct nlmsghdr *refuse(union message *m, const struct nlmsghdr *request,
			       int code, bool capped)
{
	size_t copy = capped ? 0 : request->nlmsg_len - NLMSG_HDRLEN;
	struct nlmsghdr *n = mnl_nlmsg_put_header(m);
	struct nlmsgerr *err;

	err = mnl_nlmsg_put_extra_header(n, sizeof(*err) + copy);
	err->error = -code;
	memcpy(&err->msg, request, NLMSG_HDRLEN + copy);
	n->nlmsg_type = NLMSG_ERROR;
	n->nlmsg_flags = NLM_F_ACK_TLVS | (capped ? NLM_F_CAPPED : 0);
	return n;
}

static uint32_t offset_of(const struct nlmsghdr *n, unsigned int type)
{
	return (const char *)attr(n, type) - (const char *)n;
}

static void test_refusals(bool capped)
{
	const char *how = capped ? "capped" : "whole";
	union message request, answer;
	struct nlmsghdr *n, *q = begin(&request, NLMSG_MIN_TYPE);
	struct vfm_error e;
	uint32_t at;

	mnl_attr_put_strz(q, MOCK_VFIO_PCI_A_FUNCTION_NAME, "blue");
	mnl_attr_put_u32(q, MOCK_VFIO_PCI_A_FUNCTION_MEM_SIZE, 3);
	at = offset_of(q, MOCK_VFIO_PCI_A_FUNCTION_MEM_SIZE);

	n = refuse(&answer, q, EINVAL, capped);
	mnl_attr_put_strz(n, NLMSGERR_ATTR_MSG, "no power of two");
	ok(vfm_mnl_explain(&family, q, n, &e) == -EINVAL &&
	   !strcmp(e.text, "no power of two"), "%s: the kernel's words", how);
	mnl_attr_put_u32(n, NLMSGERR_ATTR_OFFS, at);
	ok(vfm_mnl_explain(&family, q, n, &e) == -EINVAL &&
	   !strcmp(e.text, "memory: no power of two"),
	   "%s: the attribute by its word", how);

	n = refuse(&answer, q, ERANGE, capped);
	mnl_attr_put_u32(n, NLMSGERR_ATTR_OFFS, at);
	ok(vfm_mnl_explain(&family, q, n, &e) == -ERANGE &&
	   strstr(e.text, "memory: Numerical"), "%s: no words but an attribute",
	   how);
	mnl_attr_put_u32(n, NLMSGERR_ATTR_MISS_TYPE,
			 MOCK_VFIO_PCI_A_FUNCTION_PROFILE);
	ok(vfm_mnl_explain(&family, q, n, &e) == -ERANGE &&
	   !strcmp(e.text, "profile is missing"), "%s: what is missing", how);
}

static void test_range(void)
{
	union message request, answer;
	struct nlmsghdr *n, *q = begin(&request, NLMSG_MIN_TYPE);
	struct nlattr *nest;
	struct vfm_error e;

	mnl_attr_put_u32(q, MOCK_VFIO_PCI_A_FUNCTION_SLOT, 256);
	n = refuse(&answer, q, ERANGE, true);
	mnl_attr_put_strz(n, NLMSGERR_ATTR_MSG, "integer out of range");
	mnl_attr_put_u32(n, NLMSGERR_ATTR_OFFS, NLMSG_HDRLEN + GENL_HDRLEN);
	nest = mnl_attr_nest_start(n, NLMSGERR_ATTR_POLICY);
	mnl_attr_put_u64(n, NL_POLICY_TYPE_ATTR_MIN_VALUE_U, 1);
	mnl_attr_put_u64(n, NL_POLICY_TYPE_ATTR_MAX_VALUE_U, 255);
	mnl_attr_nest_end(n, nest);
	vfm_mnl_explain(&family, q, n, &e);
	ok(!strcmp(e.text, "slot: integer out of range") &&
	   strstr(e.hint, "from 1 to 255"), "what would be in range");
}

static void test_bare_refusals(void)
{
	union message request, answer;
	struct nlmsghdr *n, *q = begin(&request, NLMSG_MIN_TYPE);
	struct vfm_error e;
	int code = -EBUSY;

	n = refuse(&answer, q, EPERM, false);
	n->nlmsg_flags = 0;
	ok(vfm_mnl_explain(&family, q, n, &e) == -EPERM &&
	   strstr(e.text, "not permitted") && strstr(e.hint, "CAP_NET_ADMIN"),
	   "a bare EPERM says what it takes");
	n = mnl_nlmsg_put_header(&answer);
	memcpy(mnl_nlmsg_put_extra_header(n, sizeof(code)), &code, sizeof(code));
	n->nlmsg_type = NLMSG_DONE;
	n->nlmsg_flags = NLM_F_ACK_TLVS | NLM_F_MULTI;
	mnl_attr_put_strz(n, NLMSGERR_ATTR_MSG, "being unloaded");
	ok(vfm_mnl_explain(&family, q, n, &e) == -EBUSY &&
	   !strcmp(e.text, "being unloaded"), "the end of a dump may be a refusal");
}

/* Whatever stands there, it is only looked at within the messages. */
static void test_odd_refusals(void)
{
	static const uint32_t offsets[] = { 0, 4, 19, 20, 21, 24, 1000, ~0U };
	static const uint32_t lengths[] = {
		0, 15, 1000, 0x7fffffff, 0x80000000, 0x80001000, ~0U,
	};
	union message request, answer;
	struct nlmsghdr *n, *q = begin(&request, NLMSG_MIN_TYPE);
	struct nlmsgerr *err;
	struct vfm_error e;
	size_t i;

	/* Read at offset 4 this would be an attribute. */
	q->nlmsg_flags = MOCK_VFIO_PCI_A_FUNCTION_SLOT;
	for (i = 0; i < sizeof(offsets) / sizeof(*offsets); i++) {
		n = refuse(&answer, q, EINVAL, true);
		mnl_attr_put_strz(n, NLMSGERR_ATTR_MSG, "words");
		mnl_attr_put_u32(n, NLMSGERR_ATTR_OFFS, offsets[i]);
		ok(vfm_mnl_explain(&family, q, n, &e) == -EINVAL &&
		   !strcmp(e.text, "words"), "no attribute at %u", offsets[i]);
	}
	n = refuse(&answer, q, EINVAL, false);
	err = mnl_nlmsg_get_payload(n);
	for (i = 0; i < sizeof(lengths) / sizeof(*lengths); i++) {
		err->msg.nlmsg_len = lengths[i];
		ok(vfm_mnl_explain(&family, q, n, &e) == -EINVAL &&
		   strstr(e.text, "Invalid"), "a length that lies: %u",
		   lengths[i]);
	}
	err->error = 0x7fffffff;
	ok(vfm_mnl_explain(&family, q, n, &e) == -EPROTO, "no errno");
	n = refuse(&answer, q, EINVAL, true);
	mnl_attr_put(n, NLMSGERR_ATTR_MSG, 3, "abc");
	ok(vfm_mnl_explain(&family, q, n, &e) == -EINVAL &&
	   strstr(e.text, "Invalid"), "words without an end");
}

int main(void)
{
	test_all_words();
	test_words();
	test_bad_words();
	test_caps_text();
	test_round_trip();
	test_bad_messages();
	test_refusals(false);
	test_refusals(true);
	test_range();
	test_bare_refusals();
	test_odd_refusals();
	return tap_end();
}
