// SPDX-License-Identifier: EUPL-1.2

rule webshell_php_request : webshell
{
	meta:
		description = "PHP that runs what the visitor sends"
		title_vi = "Web shell PHP: chạy lệnh do người truy cập gửi tới"
		author = "Khiên"
		level = "critical"
		reference = "https://attack.mitre.org/techniques/T1505/003/"
	strings:
		$php = /<\?(php|=|[ \t\r\n])/ nocase
		$direct = /\b(eval|assert|system|passthru|shell_exec|popen|proc_open|pcntl_exec)[ \t]{0,4}\([ \t@'"]{0,4}((base64_decode|gzinflate|gzuncompress|str_rot13|stripslashes|trim|urldecode|hex2bin)[ \t]{0,4}\([ \t@]{0,4}){0,3}\$_(GET|POST|REQUEST|COOKIE|SERVER)[ \t]{0,2}[\[{]/ nocase
		$backtick = /`[ \t]{0,4}\$_(GET|POST|REQUEST|COOKIE)[ \t]{0,2}\[/
		$function = /\$_(GET|POST|REQUEST|COOKIE)[ \t]{0,2}\[[^\]\r\n]{1,24}\][ \t]{0,2}\([ \t@]{0,4}\$_(GET|POST|REQUEST|COOKIE)[ \t]{0,2}\[/
		$replace = /preg_replace[ \t]{0,4}\([ \t]{0,4}['"][^'"\r\n]{1,40}\/[a-z]{0,4}e[a-z]{0,4}['"][ \t]{0,4},[ \t@]{0,4}\$_(GET|POST|REQUEST|COOKIE)/ nocase
	condition:
		filesize < 2MB and $php and any of ($direct, $backtick, $function, $replace)
}

rule webshell_php_packed : webshell
{
	meta:
		description = "PHP whose code is unpacked and run at once"
		title_vi = "Mã PHP bị che giấu: giải nén rồi chạy ngay (thường là web shell)"
		author = "Khiên"
		level = "high"
		reference = "https://attack.mitre.org/techniques/T1027/"
	strings:
		$php = /<\?(php|=|[ \t\r\n])/ nocase
		$chain = /\b(eval|assert)[ \t]{0,4}\([ \t@]{0,4}((gzinflate|gzuncompress|gzdecode|str_rot13|strrev|convert_uudecode|hex2bin|rawurldecode|base64_decode)[ \t]{0,4}\([ \t@]{0,4}){1,4}['"$]/ nocase
		$joined = /(['"]bas?e?['"]\.['"]s?e?6?4|['"]gzi?n?['"]\.['"]i?n?fl|['"]ev?['"]\.['"]v?al|['"]as?s?['"]\.['"]s?s?ert|['"]str_?['"]\.['"]_?rot|['"]crea?t?e?_?['"]\.['"]a?t?e?_?func)/ nocase
		$nameless = /\$_{1,8}[ \t]{0,2}=[ \t]{0,2}\(?['"`][^A-Za-z0-9\r\n]{1,40}['"`]\^['"`]/
		$run = /\b(eval|assert|create_function)[ \t]{0,4}\(/ nocase
	condition:
		filesize < 4MB and $php and ($chain or $nameless or ($run and $joined))
}

rule webshell_php_known : webshell
{
	meta:
		description = "PHP with the marks of a public web shell (c99, r57, WSO, b374k, FilesMan, AntSword, Behinder)"
		title_vi = "Web shell PHP phổ biến (c99, r57, WSO, b374k, FilesMan, AntSword, Behinder)"
		author = "Khiên"
		level = "critical"
		reference = "https://attack.mitre.org/techniques/T1505/003/"
	strings:
		$php = /<\?(php|=|[ \t\r\n])/ nocase
		$a1 = "c99shell" nocase
		$a2 = "c99sh_" nocase
		$a3 = "r57shell" nocase
		$a4 = "FilesMan"
		$a5 = "b374k" nocase
		$a6 = "WSOsetcookie"
		$a7 = "IndoXploit"
		$a8 = "@ini_set(\"display_errors\", \"0\");@set_time_limit(0);"
		$b1 = "openssl_decrypt("
		$b2 = "e45e329feb5d925b"
		$b3 = "php://input"
	condition:
		filesize < 2MB and $php and (any of ($a*) or all of ($b*))
}

rule webshell_aspx : webshell
{
	meta:
		description = "ASP or ASP.NET page that runs what the visitor sends"
		title_vi = "Web shell ASP/ASPX: chạy lệnh do người truy cập gửi tới"
		author = "Khiên"
		level = "critical"
		reference = "https://attack.mitre.org/techniques/T1505/003/"
	strings:
		$page = /<%[@=!e \t\r\n]|<script[^>]{0,80}runat[ \t]{0,2}=/ nocase
		$eval = /\b(eval|execute|executeglobal)[ \t]{0,4}\(?[ \t]{0,4}\(?request(\.(item|form|querystring))?[ \t]{0,2}[\[(]/ nocase
		$request = /\brequest(\.(item|form|querystring|params|headers))?[ \t]{0,2}[\[(]/ nocase
		$process = /\b(ProcessStartInfo|Process\.Start|WScript\.Shell)\b/ nocase
		$shell = /\b(cmd\.exe|cmd[ \t]{1,4}\/c|powershell(\.exe)?)\b/ nocase
		$load = /Assembly\.Load[ \t]{0,4}\(|\.CreateInstance[ \t]{0,4}\([ \t]{0,4}"U"/
		$decrypt = /RijndaelManaged|CreateDecryptor|FromBase64String/
	condition:
		filesize < 1MB and $page and ($eval or ($request and $process and $shell) or ($request and $load and $decrypt))
}

rule webshell_jsp : webshell
{
	meta:
		description = "JSP page that runs what the visitor sends"
		title_vi = "Web shell JSP: chạy lệnh do người truy cập gửi tới"
		author = "Khiên"
		level = "critical"
		reference = "https://attack.mitre.org/techniques/T1505/003/"
	strings:
		$page = /<%[@=! \t\r\n]|<jsp:(scriptlet|declaration|root)/
		$parameter = /request\.(getParameter|getHeader|getReader|getInputStream)[ \t]{0,2}\(/
		$exec = /getRuntime[ \t]{0,2}\([ \t]{0,2}\)[ \t\r\n]{0,4}\.exec[ \t]{0,2}\(/
		$builder = /new[ \t]{1,4}ProcessBuilder[ \t]{0,2}\(/
		$loader = /extends[ \t]{1,4}ClassLoader\b/
		$define = /\bdefineClass[ \t]{0,2}\(/
	condition:
		filesize < 1MB and $page and $parameter and ($exec or $builder or ($loader and $define))
}
