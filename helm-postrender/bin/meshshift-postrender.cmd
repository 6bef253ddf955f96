@echo off
rem Helm post-renderer on Windows: finds meshshift and hands it the rendered manifests on standard input.
rem Which meshshift runs, as in meshshift-postrender beside this file:
rem   1. the variable MESHSHIFT          path of a program; set but missing is an error, not a reason to look on
rem   2. the program in ..\libexec       which a released plugin carries, with the first Python that it fits
rem   3. meshshift on PATH
rem   4. the checkout that this file lies in: its .venv, else its package with a Python that can run it
rem   5. an installed package:           python -m transformer
rem Lines end as Windows ends them: cmd may miss a label in a file that does not.
setlocal EnableExtensions DisableDelayedExpansion
rem Programs are looked for on PATH, never in the folder that Helm is started in.
set "NoDefaultCurrentDirectoryInExePath=1"
set "carried=%~dp0..\libexec"
set "checkout=%~dp0..\.."
set "python="

if not defined MESHSHIFT goto carried
set "MESHSHIFT=%MESHSHIFT:"=%"
if not exist "%MESHSHIFT%" goto not_usable
"%MESHSHIFT%" %*
exit /b %ERRORLEVEL%

:carried
if not exist "%carried%\start.py" goto on_path
call :fits py -3
call :fits python
call :fits python3
call :fits py -3.13
call :fits py -3.12
call :fits py -3.11
if not defined python goto on_path
%python% -I -S "%carried%\start.py" run %*
exit /b %ERRORLEVEL%

:on_path
where "$PATH:meshshift" >nul 2>nul
if errorlevel 1 goto checkout
meshshift %*
exit /b %ERRORLEVEL%

:checkout
if not exist "%checkout%\transformer\__main__.py" goto package
if not exist "%checkout%\.venv\Scripts\meshshift.exe" goto sources
"%checkout%\.venv\Scripts\meshshift.exe" %*
exit /b %ERRORLEVEL%

:sources
set "packages=%checkout%"
if defined PYTHONPATH set "packages=%checkout%;%PYTHONPATH%"
set "PYTHONPATH=%packages%"

:package
call :runs_package py -3
call :runs_package python
call :runs_package python3
if not defined python goto missing
%python% -P -m transformer %*
exit /b %ERRORLEVEL%

rem Compiled packages fit one version of Python. -I -S keeps everything else of that Python out.
:fits
if defined python exit /b 0
%* -I -S "%carried%\start.py" fits >nul 2>nul <nul
if %ERRORLEVEL% EQU 0 set "python=%*"
exit /b 0

rem -P (Python 3.11 and later, which meshshift needs anyway) keeps the current folder off the module path.
:runs_package
if defined python exit /b 0
%* -P -c "import transformer.needles, yaml" >nul 2>nul <nul
if %ERRORLEVEL% EQU 0 set "python=%*"
exit /b 0

:not_usable
set "message=MESHSHIFT is set to %MESHSHIFT%, which does not exist"
goto fail

:missing
set "message=meshshift is not installed: put it on PATH (pip install meshshift) or set MESHSHIFT to its path"
if not exist "%carried%\start.py" goto fail
set /p needs=<"%carried%\needs"
set "message=this plugin carries meshshift for %needs%, which is not on PATH: put such a Python there, or meshshift itself, or set MESHSHIFT to its path"

:fail
rem Expanded late: an ampersand in a path would otherwise begin a command.
setlocal EnableDelayedExpansion
>&2 echo(meshshift-postrender: !message!
if not defined MESHSHIFT_REPORT_FILE exit /b 127
if /i "!MESHSHIFT_REPORT_FILE:~-6!"==".jsonl" goto fail_json
if /i "!MESHSHIFT_REPORT_FILE:~-5!"==".json" goto fail_json
>"!MESHSHIFT_REPORT_FILE!" echo(meshshift-postrender: !message!
exit /b 127

:fail_json
rem As meshshift itself does: lines of JSON are appended, any other file is replaced.
if /i "!MESHSHIFT_REPORT_FILE:~-5!"==".json" type nul >"!MESHSHIFT_REPORT_FILE!"
>>"!MESHSHIFT_REPORT_FILE!" echo({"error": "meshshift-postrender: !message:\=\\!", "exit_code": 127}
exit /b 127
