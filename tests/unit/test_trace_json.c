#include <json-glib/json-glib.h>
#include <math.h>

#include "core/trace/json.h"
#include "tests/unit/support.h"

static const struct {
    const char *name, *text;
    size_t length; /* 0: up to the NUL */
    const char *json;
} texts[] = {
    { "empty", "", 0, "\"\"" },
    { "plain", "punch 1", 0, "\"punch 1\"" },
    { "quotation mark and backslash", "a\"b\\c", 0, "\"a\\\"b\\\\c\"" },
    { "solidus needs no escape", "a/b", 0, "\"a/b\"" },
    { "the short escapes", "\b\t\n\f\r", 0, "\"\\b\\t\\n\\f\\r\"" },
    { "other controls", "\x01\x0b\x1f", 0, "\"\\u0001\\u000b\\u001f\"" },
    { "NUL within", "a\0b", 3, "\"a\\u0000b\"" },
    { "delete stands as it is", "\x7f", 0, "\"\x7f\"" },
    { "two bytes", "Z\xc3\xbcrich", 0, "\"Z\xc3\xbcrich\"" },
    { "four bytes", "\xf0\x9f\x91\x8a!", 0, "\"\xf0\x9f\x91\x8a!\"" },
    { "a byte that is no UTF-8", "a\xff" "b", 0, "\"a\\ufffdb\"" },
    { "each wrong byte", "\xff\xfe", 0, "\"\\ufffd\\ufffd\"" },
    { "cut off at the end", "a\xc3", 0, "\"a\\ufffd\"" },
    { "cut off within", "\xe2\x82" "b", 0, "\"\\ufffd\\ufffdb\"" },
    { "overlong slash", "\xc0\xaf", 0, "\"\\ufffd\\ufffd\"" },
    { "half of a surrogate pair", "\xed\xa0\x80", 0, "\"\\ufffd\\ufffd\\ufffd\"" },
    { "above the last character", "\xf4\x90\x80\x80", 0, "\"\\ufffd\\ufffd\\ufffd\\ufffd\"" },
    { "the last byte is wrong", "\x80", 0, "\"\\ufffd\"" },
};

static void
test_text(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(texts); i++) {
        size_t length = texts[i].length ? texts[i].length : strlen(texts[i].text);
        g_autofree uint8_t *exact = unit_exact(span_of(texts[i].text, length));
        g_autoptr(GString) out = g_string_new(NULL);

        json_escape(span_of(exact, length), out);
        CHECK_ROW_TEXT(texts[i].name, out->str, texts[i].json);
    }

    g_autoptr(GString) out = g_string_new(NULL);
    json_escape(span_of(NULL, 0), out); /* what a decoder found nothing of */
    CHECK_ROW_TEXT("nothing at all", out->str, "\"\"");
}

static const struct {
    const char *name;
    double value;
    const char *json;
} numbers[] = {
    { "zero", 0, "0" },
    { "whole", 3, "3" },
    { "the nearest to a tenth", 0.1, "0.1" },
    { "needs seventeen digits", 0.1 + 0.2, "0.30000000000000004" },
    { "needs sixteen digits", 9007199254740993.0, "9007199254740992" },
    { "a third", 1.0 / 3, "0.3333333333333333" },
    { "negative", -2.5, "-2.5" },
    { "large", 1e300, "1e+300" },
    { "the smallest", 5e-324, "4.94065645841247e-324" },
    { "not a number", NAN, "null" },
    { "infinite", INFINITY, "null" },
    { "negative infinite", -INFINITY, "null" },
};

static void
test_numbers(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(numbers); i++) {
        g_autoptr(GString) out = g_string_new(NULL);
        struct json json = json_over(out, false);

        json_number(&json, NULL, numbers[i].value);
        CHECK_ROW_TEXT(numbers[i].name, out->str, numbers[i].json);
        if (isfinite(numbers[i].value))
            CHECK_ROW(numbers[i].name, g_ascii_strtod(out->str, NULL) == numbers[i].value);
    }
}

static const struct {
    const char *name;
    int64_t value;
    const char *json;
} integers[] = {
    { "zero", 0, "0" },
    { "ten", 10, "10" },
    { "minus one", -1, "-1" },
    { "beyond what a double holds", INT64_C(9007199254740993), "9007199254740993" },
    { "largest", INT64_MAX, "9223372036854775807" },
    { "smallest", INT64_MIN, "-9223372036854775808" },
};

static void
test_integers(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(integers); i++) {
        g_autoptr(GString) out = g_string_new(NULL);
        struct json json = json_over(out, false);

        json_integer(&json, NULL, integers[i].value);
        CHECK_ROW_TEXT(integers[i].name, out->str, integers[i].json);
    }
}

/* The same calls for both layouts. */
static void
write_sample(struct json *json)
{
    json_open_object(json, NULL);
    json_integer(json, "format", 1);
    json_open_object(json, "empty");
    json_close_object(json);
    json_open_array(json, "none");
    json_close_array(json);
    json_open_array(json, "list");
    json_integer(json, NULL, 1);
    json_flag(json, NULL, true);
    json_null(json, NULL);
    json_open_object(json, NULL);
    json_string(json, "a\"b", "c");
    json_string(json, "absent", NULL);
    json_close_object(json);
    json_close_array(json);
    json_number(json, "seconds", 1.5);
    json_close_object(json);
}

static void
test_layout(void)
{
    g_autoptr(GString) tight = g_string_new(NULL), pretty = g_string_new(NULL);
    struct json json = json_over(tight, false);

    write_sample(&json);
    CHECK_ROW_TEXT("tight", tight->str,
                   "{\"format\":1,\"empty\":{},\"none\":[],\"list\":[1,true,null,{\"a\\\"b\":\"c\",\"absent\":null}],"
                   "\"seconds\":1.5}");
    json = json_over(pretty, true);
    write_sample(&json);
    CHECK_ROW_TEXT("pretty", pretty->str,
                   "{\n  \"format\": 1,\n  \"empty\": {},\n  \"none\": [],\n  \"list\": [\n    1,\n    true,\n"
                   "    null,\n    {\n      \"a\\\"b\": \"c\",\n      \"absent\": null\n    }\n  ],\n"
                   "  \"seconds\": 1.5\n}");
}

static void
test_sink(void)
{
    g_autoptr(GString) out = g_string_new(NULL);
    struct json json = json_over(out, false);
    struct json_fields sink = json_fields_over(&json);
    struct fields *fields = &sink.fields;

    json_open_object(&json, NULL);
    fields->number(fields, "n", -5);
    fields->flag(fields, "f", false);
    fields->text(fields, "t", span_of("\xff", 1));
    fields->bytes(fields, "b", span_of("\x00\xa4\x42", 3));
    fields->open(fields, "group");
    fields->number(fields, "n", 1);
    fields->close(fields);
    fields->bytes(fields, "none", span_of(NULL, 0));
    json_close_object(&json);
    CHECK_ROW_TEXT("sink", out->str,
                   "{\"n\":-5,\"f\":false,\"t\":\"\\ufffd\",\"b\":\"00a442\",\"group\":{\"n\":1},\"none\":\"\"}");
}

/* Sixty-four levels are the limit that the header names: 63 arrays and a value in them. */
static void
test_depth(void)
{
    g_autoptr(GString) out = g_string_new(NULL);
    g_autoptr(JsonParser) parser = json_parser_new();
    struct json json = json_over(out, false);

    for (int i = 0; i < JSON_DEPTH - 1; i++) {
        json_open_array(&json, NULL);
        json_integer(&json, NULL, i);
    }
    for (int i = 0; i < JSON_DEPTH - 1; i++)
        json_close_array(&json);
    CHECK(json_parser_load_from_data(parser, out->str, (gssize)out->len, NULL));
}

void
suite_trace_json(void)
{
    UNIT_SUITE("trace json", NULL, NULL, { "text", test_text }, { "numbers", test_numbers },
               { "integers", test_integers }, { "layout", test_layout }, { "sink", test_sink },
               { "depth", test_depth });
}
