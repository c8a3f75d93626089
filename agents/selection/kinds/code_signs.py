"""What shows the programming language of code: parts and forms, its own and shared ones."""

import re
from collections.abc import Mapping
from itertools import islice
from typing import Final

_PARTS: Final[Mapping[str, str]] = {
    "python": (
        "Traceback (most¦elif ¦.groupby(¦.objects.¦nn.Module¦iterrows¦__init__¦__name__"
        "¦ModuleNotFoundError¦ImportError¦KeyError¦ValueError¦IndexError¦AttributeError"
        "¦RuntimeError¦IndentationError¦RecursionError¦UnicodeDecodeError¦NameError¦CUDA out of"
    ),
    "rust": (
        "let mut ¦println!¦error[E¦cannot borrow¦.unwrap()¦&mut ¦Vec<¦Option<¦Arc<¦Rc<¦#[derive"
        "¦borrow checker¦::<"
    ),
    "go": (
        "goroutine¦fmt.Print¦fmt.Errorf¦err != nil¦make(chan¦make(map¦nil pointer dereference"
        "¦sync.Mutex¦sync.WaitGroup¦chan int¦http.HandleFunc"
    ),
    "c++": (
        "#include <iostream>¦#include <vector>¦#include <string>¦#include <map>¦#include <thread>"
        "¦#include <memory>¦#include <atomic>¦std::¦cout <<¦cout<<¦template <¦template<¦vector<"
        "¦nullptr¦unique_ptr¦shared_ptr¦public:\n¦private:\n"
    ),
    "c": (
        "<stdio.h>¦<stdlib.h>¦<string.h>¦<stdint.h>¦<unistd.h>¦<pthread.h>¦malloc(¦int main("
        "¦typedef struct¦uint8_t¦uint16_t¦uint32_t"
    ),
    "c#": (
        "using System¦Console.Write¦Console.Read¦{ get;¦async Task¦IEnumerable¦IQueryable"
        "¦NullReferenceException¦InvalidOperationException¦DbContext¦.ToList()¦foreach (var"
        "¦[HttpGet¦[HttpPost¦string.IsNull¦GameObject¦MonoBehaviour¦Instantiate("
    ),
    "java": (
        "System.out.¦public static void main¦NullPointerException¦@Override¦@Autowired¦@Entity"
        "¦@RestController¦new ArrayList<¦new HashMap<¦List<String>¦.stream()¦private final "
        "¦ConcurrentModificationException¦ClassNotFoundException¦java.util¦java.lang"
    ),
    "kotlin": (
        "data class ¦suspend fun¦viewModelScope¦@Composable¦mutableStateOf¦StateFlow<"
        "¦companion object¦: Flow<"
    ),
    "scala": "case class ¦: Option[¦implicit val",
    "typescript": (
        "keyof ¦: Promise<¦as const¦Record<¦Partial<¦Omit<¦is not assignable to¦: string[]"
        "¦: number[]"
    ),
    "javascript": (
        "console.log¦console.error¦document.¦(reading '¦npm ERR!¦===¦require('¦module.exports"
        "¦addEventListener¦useState¦useEffect¦useRef¦useMemo¦JSON.parse¦JSON.stringify"
        "¦async function¦is not a function¦setTimeout(¦export default¦className=¦await fetch"
        "¦<script setup¦=> {"
    ),
    "php": "<?php¦mysqli_¦mysql_¦$_GET¦$_POST¦$_SESSION¦$_SERVER¦$_FILES¦$this->¦echo $",
    "ruby": ".each do¦attr_accessor¦attr_reader¦has_many¦NoMethodError¦.rb:",
    "swift": "guard let¦@State ¦some View¦DispatchQueue",
    "sql": (
        "INSERT INTO¦insert into¦Seq Scan¦EXPLAIN ANALYZE¦GROUP BY¦group by¦LEFT JOIN¦left join"
        "¦DROP COLUMN¦drop column¦DROP TABLE"
    ),
    "shell": "#!/bin/¦| grep¦| xargs¦| awk¦| sort¦| sed¦command not found¦; then\n",
    "powershell": (
        "Get-ChildItem¦Get-Content¦Get-Item¦Get-Date¦Get-Process¦Get-Service¦Get-AD¦Set-Content"
        "¦ForEach-Object¦Where-Object¦Select-Object¦Sort-Object¦Write-Host¦Write-Output"
        "¦Invoke-WebRequest¦Invoke-RestMethod¦Import-Csv¦Export-Csv¦New-Object¦Remove-Item"
    ),
    "perl": "use strict;¦my $¦my @¦my %",
    "html": "<!DOCTYPE¦<html¦<body¦display: flex¦display: grid¦@media¦z-index¦position: absolute",
    "dockerfile": (
        "kubectl¦OOMKilled¦CrashLoopBackOff¦apiVersion:¦services:\n¦docker build¦docker run"
    ),
    "yaml": "runs-on:¦uses: actions/",
    "nginx": "proxy_pass",
    "solidity": "pragma solidity¦msg.sender¦msg.value¦mapping(address¦uint256¦address payable",
    "elixir": "defmodule ¦GenServer¦IO.puts",
    "erlang": "-module(¦gen_server",
    "ocaml": "Printf.printf",
    "clojure": "(defn ¦(def ¦(let [",
    "lua": "local function",
    "dart": "Widget build(¦setState(()¦StatelessWidget¦StatefulWidget¦Future<",
    "r": "%>%¦ggplot(¦data.frame(¦<- c(¦<- function(",
    "zig": '@import("std")¦comptime ¦std.mem.Allocator',
    "verilog": "endmodule¦posedge¦always @",
    "cobol": "IDENTIFICATION DIVISION¦WORKING-STORAGE¦PIC 9(¦PIC X(",
    "fortran": "implicit none¦IMPLICIT NONE¦end subroutine¦end do",
    "groovy": "pipeline {",
    "objective-c": "@interface¦@implementation¦NSString¦ alloc]",
    "vba": "End Sub¦ As Range¦ As Worksheet",
}
_FORMS: Final[Mapping[str, str]] = {
    "python": (
        r"^[ \t]*(?:(?:async\ )?def\ \w+\(.*:|class\ \w+.*:|from\ [\w.]+\ import\b|except\b.*:$"
        r"|import\ \w+\ as\b|print\ \"|(?:for|while|if)\ .*:\ *\n[ \t]+\S)"
        r"|\[[^\]\n]{0,80}\bfor\s[\w,\ ]+\sin\s[^\n]{0,80}\]|\blambda\ \w*:|\bself\.\w+\s="
        r"|\b(?:df\d?|pd|np|plt|torch)\.\w|\bdf\["
    ),
    "rust": r"\bfn\s+\w+\s*[<(]|\bimpl\s+\w+",
    "go": r"^(?:func\s\(\w+\s\*?\w+\)|package\s+\w+$)",
    "c++": r"\bdelete(?:\[\])?\ \w+;|\w\*\ \w+\s=\snew\b|\bconst\ \w+&\s",
    "c": r"\bstruct\ \w+\ \*",
    "c#": (
        r"\.(?:Where|Select|FirstOrDefault|OrderBy|Any)\(\s*\w+\s*=>|\bdecimal\ \w+\s*[=;{(,)]"
        r"|\bSystem\.\w+Exception"
    ),
    "java": r"\bjava\.[a-z]+\.|\(\w+\.java:\d|\bthrows\s\w+Exception",
    "kotlin": r"\bfun\s+(?:<\w+>\s*)?[\w.]+\s*\(|\.kt:\d|\bval\s\w+:\s\w+",
    "scala": r"\bobject\ \w+\ (?:extends|\{)",
    "typescript": (
        r":\s(?:string|number|boolean|unknown|any|void)(?:\s?[;,)={|]|\s=>)|\bTS\d{4}\b|\.tsx?:\d"
        r"|\b(?:let|const)\s\w+:\s"
    ),
    "javascript": r"\.jsx?:\d",
    "php": r"\$\w+->\w|\bforeach\s*\(\s*\$|\bfunction\s\w*\s*\([^)\n]*\$",
    "ruby": r"(?:\bdo|\{)\ ?\|\w+\||^[ \t]*puts\s|\b[A-Z]\w+\.(?:where\(|find_by|all$)",
    "swift": r"\bfunc\s\w+\(.*\)\s(?:async\s)?(?:throws\s)?->|\bif\slet\ \w+\ =",
    "sql": (
        r"(?i:\b(?:select\b[^;]{1,300}?\bfrom|create\ table|alter\ table|update\ \w+\ set"
        r"|delete\ from|inner\ join|partition\ by)\b)"
    ),
    "shell": r"(?:^|\s)(?:apt|grep|awk|sed|xargs|curl|find\ [./])\s|\bif\ \[\[?\ |^[ \t]*done\b",
    "dockerfile": r"^(?:RUN|COPY|CMD|ENTRYPOINT|WORKDIR|EXPOSE)\s\S|^resource\ \"\w+\"",
    "nginx": r"\blocation\s[~=/]\S*\s*\{",
    "elixir": r"^[ \t]*defp?\ .*\bdo\s*$",
    "haskell": r"^\w+\s::\s.+->|\bderiving\ \(",
    "ocaml": r"^let\ rec\b|\bmatch\ \w+\ with$",
    "lua": r"^[ \t]*local\ \w+\s=",
    "r": r"\blibrary\(\w+\)",
    "assembly": r"^[ \t]*(?:mov|addi|lw|sw|jmp|xor|ldr)\s+[%\w]+\s*,|^[ \t]*(?:ecall|syscall)\b",
    "vba": r"^[ \t]*(?:Private\ |Public\ )?Sub\ \w+\(|\bDim\ \w+\ As\b",
    "excel": r"=[A-Z]{2,}(?:\.[A-Z]+)?\(",
}
"""Forms that one language alone has."""
_SHARED: Final[Mapping[str, str]] = {
    "python": r"\bprint\s*\(|^[ \t]*import\s[\w.]+$|\b(?:self|None|True)\b|pip\ install",
    "go": r"\b\w+\s:=\s\w|^func\ \w+\(",
    "c++": r"\bvirtual\b|\bclass\ \w+\s*[:{]|->\w+\s*[=;]|\w\*\ \w",
    "c": r"^[ \t]*(?:int|char|float|void)\ \*?\w+\s*[=(\[]|\bprintf\s*\(|->\w+\s*[=;]",
    "java": (
        r"\bpublic\s(?:static\s)?(?:class|void|int|String|boolean|double)\b"
        r"|\bpublic\s[\w<>\[\]]+\s[a-z]\w*\s*\("
        r"|\bString\ \w+\s*[=;,)]|\bprivate\s\w+\s\w+;|\bimport\ [\w.]+;"
    ),
    "c#": (
        r"\bpublic\ (?:static\ )?(?:class|void|int|string|bool|record)\b|\bnamespace\ [\w.]+"
        r"|\bvar\ \w+\ =\ new\ [A-Z]|\bstring\ \w+\s*[=;,)]"
        r"|\bpublic\s[\w<>\[\]]+\s[A-Z]\w*\s*\("
    ),
    "kotlin": r"\bval\s\w+\s=|\bvar\ \w+:\ [A-Z]|\bcoroutines?\b",
    "typescript": r"\binterface\s\w+\s*\{|\btype\ [A-Z]\w*(?:<[^>\n]*>)?\ =\s|\benum\ [A-Z]",
    "javascript": (
        r"\b(?:const|let|var)\s\w+\s*=|=>\s*[(\w]|\bfunction\s+\w*\s*\(|\bis\ not\ defined\b"
    ),
    "php": r"\$\w+\s*=",
    "ruby": r"^[ \t]*def\s\w+[^:\n]*$|^[ \t]*end$",
    "swift": r"^[ \t]*(?:func\ \w+\(|let\ \w+\ =)",
    "shell": r"\b(?:sudo|chmod)\s",
    "html": r"</?(?:div|span|table|head|ul|form|input|button)\b",
    "dockerfile": r"\bpods?\b|^FROM\s[\w./-]+:[\w.-]+$",
}
"""Forms that several languages have."""
_EMBEDDED: Final = frozenset({"sql", "html", "shell"})
"""Languages that stand in the code of others."""
_BASES: Final[Mapping[str, str]] = {"typescript": "javascript", "c++": "c"}
"""Languages whose code shows the forms of another, too."""
_READ: Final = 1_000
"""Characters in which code shows its language."""
_PART: Final = {part: language for language, parts in _PARTS.items() for part in parts.split("¦")}
_OWN, _WEAK = (
    tuple(
        (language, re.compile(pattern, re.MULTILINE | re.VERBOSE))
        for language, pattern in table.items()
    )
    for table in (_FORMS, _SHARED)
)
_STRONG: Final = 4
_MOST: Final = 3
"""Signs of a language that count."""


def score_signs(text: str) -> dict[str, int]:
    """Return how much a text shows of each language that it shows anything of."""
    head = text[:_READ]
    found: dict[str, int] = {}
    for part, language in _PART.items():
        if part in head:
            found[language] = found.get(language, 0) + 1
    for language, pattern in _OWN:
        if count := _count(pattern, head):
            found[language] = found.get(language, 0) + count
    scores = {language: _STRONG + min(count, _MOST) for language, count in found.items()}
    for language, pattern in _WEAK:
        if count := _count(pattern, head):
            scores[language] = scores.get(language, 0) + count
    for language, base in _BASES.items():
        if language in found:
            scores[language] += scores.get(base, 0)
    if found.keys() - _EMBEDDED:
        for language in _EMBEDDED & scores.keys():
            scores[language] = min(scores[language], _MOST)
    return scores


def _count(pattern: re.Pattern[str], text: str) -> int:
    return len(list(islice(pattern.finditer(text), _MOST)))
