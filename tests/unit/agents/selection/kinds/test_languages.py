"""The programming language of a request for code: what its prose names, and what its code shows."""

import pytest

from agents.selection.kinds.languages import list_languages, list_named
from agents.selection.requirements import Requirements

NAMED = [
    ("Write a Python function that merges two sorted lists", "python"),
    ("напиши скрипт на питоне, который переименует файлы", "python"),
    ("اكتب دالة بايثون لقراءة ملف csv", "python"),
    ("파이썬으로 크롤러 짜줘", "python"),
    ("Train a small PyTorch model on two GPUs", "python"),
    ("Django: how do I add a unique constraint over two fields", "python"),
    ("CSVを読み込むジャンゴのビューを書いて", "python"),
    ("Vue 3 composable for debounced search", "javascript"),
    ("用 Vue3 写一个可拖拽的表格组件", "javascript"),
    ("webpack bundle is 9 MB, how do I split lodash out of it", "javascript"),
    ("سكريبت جافا سكريبت يخفي القائمة عند النقر", "javascript"),
    ("Напиши функцию на джаваскрипте для проверки почты", "javascript"),
    ("Migrate our helpers from JavaScript to TypeScript", "typescript"),
    ("اكتب كود جافا يقرأ من قاعدة البيانات", "java"),
    ("Spring Boot endpoint for uploading files", "java"),
    ("ما سبب بطء استعلامات Eloquent في لارافيل", "php"),
    ("Ларавель не видит миграции, что делать с кодом ниже", "php"),
    ("Wie schreibe ich in C einen Ringpuffer?", "c"),
    ("écris en C une liste chaînée", "c"),
    ("用C语言实现一个哈希表", "c"),
    ("Cで二分探索を書いて", "c"),
    ("Напиши на С++ класс вектора", "c++"),
    ("C++20 coroutine generator example", "c++"),
    ("اكتب برنامج سي شارب يحسب الراتب", "c#"),
    ("Unity: player keeps jumping twice", "c#"),
    ("worker pool in Go with graceful shutdown", "go"),
    ("Go service that tails a log file", "go"),
    ("用Go写一个限流器", "go"),
    ("Rust CLI that prints the largest files", "rust"),
    ("rewrite it in rust please", "rust"),
    ("Android app: store notes with Room and show them as a Flow", "kotlin"),
    ("코틀린으로 확장 함수 만들어줘", "kotlin"),
    ("SwiftUI list with swipe to delete", "swift"),
    ("Rails model validation for IBAN", "ruby"),
    ("plot survival curves in R with ggplot2", "r"),
    ("R script that joins two data frames", "r"),
    ("Flutter widget for a star rating", "dart"),
    ("Write an ERC20 token as a smart contract", "solidity"),
    ("Phoenix LiveView counter in Elixir", "elixir"),
    ("Julia code for a Monte Carlo estimate of an integral", "julia"),
    ("allocator in Zig that counts bytes", "zig"),
    ("RISC-V routine that copies n words", "assembly"),
    ("COBOL paragraph that totals invoices", "cobol"),
    ("Fortran loop for a heat equation", "fortran"),
    ("Clojure transducer over a stream of maps", "clojure"),
    ("OCaml parser for s-expressions", "ocaml"),
    ("F# active pattern for dates", "f#"),
    ("Objective-C delegate for a table view", "objective-c"),
    ("GitHub Actions job that runs only on tags", "yaml"),
    ("PowerShell: list users that never logged in", "powershell"),
    ("nginx config: redirect http to https except /health", "nginx"),
    ("Jenkinsfile with a parallel stage for tests", "groovy"),
    ("Verilog counter with synchronous reset", "verilog"),
    ("pods are OOMKilled every night after the cron job", "dockerfile"),
    ("kubectl command to see which pod restarted", "dockerfile"),
    ("Dockerfile for a Spring Boot app", "dockerfile"),
    ("Excel: Summe der Werte in Spalte B, wenn in Spalte C „offen“ steht", "excel"),
    ("formule excel : additionner la colonne C si la colonne A vaut Paris", "excel"),
    ("pandas: read an Excel file and keep rows with a date", "python"),
    ("Djangoの一覧で記事100件にSQLが101本飛んでる", "python"),
    ("毎朝の気温を保存するスクリプトをPythonで", "python"),
    ("écris un script R qui trace une boîte à moustaches", "r"),
    ("スプレッドシートのB列とC列を足す関数", "excel"),
    ("is my PHP login open to SQL injection?", "php"),
    ("Flexbox: last item to the right", "html"),
    (
        "Tables customers(id) and orders(id, customer_id). Query for customers without orders",
        "sql",
    ),
    ("Abfrage, die je Kunde die letzte Zeile der Tabelle orders liefert", "sql"),
    ("bash: rename *.jpeg to *.jpg", "shell"),
]

SHOWN = [
    ("is there a leak?\nNode* head = new Node(3);\nNode* cur = head->next;\ndelete head;", "c++"),
    (
        "why is this unsafe\n$id = $_GET['id'];\n$sql = \"SELECT * FROM users WHERE id = $id\";\n"
        "$res = mysqli_query($conn, $sql);",
        "php",
    ),
    (
        "Make Total nullable.\n\npublic class Order\n{\n    public int Id { get; set; }\n"
        "    public decimal Total { get; set; }\n}",
        "c#",
    ),
    ("var late = orders.Where(o => o.Due < now).Select(o => o.Id).ToList();\nthis is slow", "c#"),
    ("NullReferenceException on the second click, why?", "c#"),
    (
        "public class Cart {\n    private final List<Item> items = new ArrayList<>();\n"
        "    public int size() { return items.size(); }\n}\nAdd a method that empties it",
        "java",
    ),
    ("data class User(val id: Long, val name: String)\nadd a default for name", "kotlin"),
    ("suspend fun load(): List<Note> = dao.all()\nneeds a timeout", "kotlin"),
    ("type Keys = keyof typeof config;\nwhy is this string | number?", "typescript"),
    ("async function load(id: number): Promise<User> { }\nadd retries", "typescript"),
    ("const total = items.reduce((a, b) => a + b.price, 0);\nit says NaN", "javascript"),
    ("TypeError: Cannot read properties of undefined (reading 'map')", "javascript"),
    ("evens = [n for n in numbers if n % 2 == 0]\nmake it a generator", "python"),
    ("df.groupby('city')['x'].mean()\nalso the median", "python"),
    ("RuntimeError: Expected all tensors to be on the same device", "python"),
    ("What does this do?\nfor i in range(3):\n    node = nodes[i]\n    go(node)", "python"),
    ("fn main() {\n    let mut v = vec![1];\n    v.push(2);\n}", "rust"),
    ("func (s *Store) Get(id int) error {\n\tif err != nil {\n\t\treturn err\n\t}\n}", "go"),
    ("#include <stdio.h>\nint main(void) { printf(\"hi\"); }\nwhat is void for", "c"),
    ("why is it slow?\nSELECT *\nFROM orders o\nLEFT JOIN items i ON i.order_id = o.id", "sql"),
    ("FROM node:20\nWORKDIR /app\nCOPY . .\nRUN npm ci\nmake the image smaller", "dockerfile"),
    ("contract Bank {\n  mapping(address => uint256) owed;\n  msg.sender;\n}",
     "solidity"),
    ("defmodule Shop do\n  def total(items) do\n    Enum.sum(items)\n  end\nend", "elixir"),
    ("def total(items)\n  items.each do |i|\n    puts i\n  end\nend", "ruby"),
    ("Get-ChildItem | Where-Object { $_.Length -gt 1MB }\nsort it by size", "powershell"),
    ("pipeline {\n  agent any\n  stages {\n    stage('x') { }\n  }\n}", "groovy"),
    ("server {\n  listen 80;\n  location /api { proxy_pass http://app; }\n}\ngives 502", "nginx"),
    ("jobs:\n  test:\n    runs-on: ubuntu-latest\n    steps:\n      - uses: actions/checkout@v4",
     "yaml"),
    ("=IFERROR(INDEX(Staff!C:C;MATCH(A2;Staff!A:A;0));0) is empty", "excel"),
    ("private static int n;\npublic void hit() { n++; }\nis it thread-safe?", "java"),
    ("@orders.each { |o| puts o.items.count }\ntoo many queries", "ruby"),
    ("services:\n  web:\n    image: nginx\nadd redis", "dockerfile"),
    ("int cnt(vector<int>& a) { return a.size(); }", "c++"),
    ("Sub Total()\n  Dim r As Range\n  Range(\"A1\").Select\nEnd Sub\nonly visible rows", "vba"),
    ("df %>% filter(x > 3) %>% ggplot(aes(x, y))\nadd a smoother", "r"),
    ("Fix it:\n```ts\nlet x = 1\n```", "typescript"),
    ("Port this to Rust:\n```python\nprint(1)\n```", "rust"),
    ("Traceback (most recent call last):\n  File \"app.py\", line 3, in <module>", "python"),
    ("ok :- member(X, Y).", None),
]  # fmt: skip

WITHOUT_CODE = (
    "performance running shoes",
    "java coffee",
    "go home",
    "rust on my car",
    "Vitamin C deficiency",
    "The solidity of our finances",
    "Julia wants to go to the assembly on Friday",
)


@pytest.mark.parametrize(("text", "language"), NAMED)
def test_a_language_is_read_from_the_prose(text: str, language: str) -> None:
    assert list_languages(text)[:1] == (language,)


@pytest.mark.parametrize(("text", "language"), SHOWN)
def test_a_language_is_read_from_the_code(text: str, language: str | None) -> None:
    assert list_languages(text)[:1] == ((language,) if language else ())


def test_the_named_languages_are_in_the_order_of_the_text() -> None:
    assert list_named("port this from C to Go, then to Rust and Python") == [
        "c", "go", "rust", "python",
    ]  # fmt: skip


@pytest.mark.parametrize("text", WITHOUT_CODE)
def test_a_request_without_code_has_no_language(text: str) -> None:
    needs = Requirements.from_task("CHAT", text, {})

    assert not needs.is_code
    assert needs.language == Requirements().language


@pytest.mark.parametrize(
    "text", ["Vitamin C deficiency", "we go home", "a swift reply", "Julia, the elixir of life"]
)
def test_words_of_everyday_life_name_no_language(text: str) -> None:
    assert list_named(text) == []
